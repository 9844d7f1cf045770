from io import BytesIO

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.handlers.wsgi import WSGIRequest

from partnerhub.web.chunked import with_chunked_bodies


def body_as_django_reads_it(body, **stated):
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": BytesIO(body), "wsgi.input_terminated": True}
    read = with_chunked_bodies(lambda environ, _start: [WSGIRequest(environ).body])
    return b"".join(read(environ | stated, None))


def test_a_chunked_body_is_read_whole():
    assert body_as_django_reads_it(b'{"quantity": 9}', HTTP_TRANSFER_ENCODING="chunked") == b'{"quantity": 9}'


def test_a_stated_length_stays_as_it_is():
    assert body_as_django_reads_it(b"12345", CONTENT_LENGTH="3") == b"123"


def test_a_server_that_does_not_end_the_input_is_not_read():
    assert body_as_django_reads_it(b"1", HTTP_TRANSFER_ENCODING="chunked", **{"wsgi.input_terminated": False}) == b""


def test_a_chunked_body_is_bounded_too(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

    with pytest.raises(RequestDataTooBig):
        body_as_django_reads_it(b"x" * 1000, HTTP_TRANSFER_ENCODING="chunked")
