"""Bodies that arrive in chunks, as .NET's HttpClient sends JSON: without the Content-Length that Django insists on."""

from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings


def with_chunked_bodies(application: WSGIApplication) -> WSGIApplication:
    """State the length of a body that came without one; else Django would read it as empty.

    At most one byte more than settings.DATA_UPLOAD_MAX_MEMORY_SIZE is read: enough for Django to refuse it itself.
    """

    def measured(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("wsgi.input_terminated") and "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            largest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
            body = environ["wsgi.input"].read(-1 if largest is None else largest + 1)
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
        return application(environ, start_response)

    return measured
