import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import resolve

from partnerhub.web.charset import with_one_charset
from partnerhub.web.chunked import with_chunked_bodies

ALLOCATIONS = 10_000

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "partnerhub.settings")
application = with_one_charset(with_chunked_bodies(get_wsgi_application()))
# Loads every view, before the first caller would wait for it.
resolve("/")
# The garbage collector looks through what the process does, not again and again through all that is loaded: everybody
# waits for that. And it looks after some requests, not several times within each; in a process that looks even less
# often, as those of the tests, it stays so.
gc.freeze()
gc.set_threshold(max(ALLOCATIONS, gc.get_threshold()[0]))
