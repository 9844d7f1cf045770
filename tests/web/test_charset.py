from io import BytesIO

import pytest
from django.core.handlers.wsgi import WSGIRequest

from partnerhub.web.charset import with_one_charset

FORM = b'--x\r\nContent-Disposition: form-data; name="q"\r\n\r\n\xc4\x85\r\n--x--\r\n'


def read_by_django(content_type: str, body: bytes) -> tuple[str, str]:
    """What a form and its address say, as Django understands them."""
    request = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "QUERY_STRING": "a=%C4%85", "wsgi.input": BytesIO(body)}
    found = []

    def application(environ, _start):
        request = WSGIRequest(environ)
        found.append((request.POST["q"], request.GET["a"]))
        return []

    list(with_one_charset(application)(request | {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": len(body)}, None))
    return found[0]


@pytest.mark.parametrize(
    "members",
    [
        "", "; charset=utf-8", "; charset=rot13", "; charset=utf-16", '; CharSet="hex"', "; charset*=utf-8''rot13",
        "; charset=x; charset=idna", "; anything*=nobody-knows''x", ";", "; charset", "; charset=\xff",
    ],
)  # fmt: skip
def test_a_form_is_read_as_utf_8_whatever_charset_it_names(members):
    assert read_by_django(f"application/x-www-form-urlencoded{members}", b"q=%C4%85") == ("ą", "ą")


@pytest.mark.parametrize("members", ["boundary=x", 'boundary="x"', "charset=rot13; boundary=x"])
def test_the_boundary_of_a_form_is_kept(members):
    assert read_by_django(f"multipart/form-data; {members}", FORM) == ("ą", "ą")
