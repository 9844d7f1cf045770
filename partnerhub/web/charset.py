"""Requests in one charset: what a caller names in its Content-Type may be none of text, and Django would fail on it."""

import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.utils.http import parse_header_parameters

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,70}")


def with_one_charset(application: WSGIApplication) -> WSGIApplication:
    """Read every request as UTF-8: of its Content-Type only the kind and the boundary of a form reach Django."""

    def read(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if ";" in environ.get("CONTENT_TYPE", ""):
            environ["CONTENT_TYPE"] = _kind_and_boundary(environ["CONTENT_TYPE"])
        return application(environ, start_response)

    return read


def _kind_and_boundary(content_type: str) -> str:
    try:
        kind, members = parse_header_parameters(content_type)
    except ValueError:
        return content_type.partition(";")[0]
    boundary = members.get("boundary", "")
    return f'{kind}; boundary="{boundary}"' if _BOUNDARY.fullmatch(boundary) else kind
