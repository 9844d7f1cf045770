import os

from django.core.wsgi import get_wsgi_application

from partnerhub.web.charset import with_one_charset
from partnerhub.web.chunked import with_chunked_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partnerhub.settings")
application = with_one_charset(with_chunked_bodies(get_wsgi_application()))
