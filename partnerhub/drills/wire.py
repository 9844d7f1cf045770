"""One HTTP request to this machine, as a stranger's program sends it: no redirect followed, no proxy asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

PATIENCE = 30.0


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)


def call(
    method: str,
    url: str,
    *,
    body: Any = None,
    form: Mapping[str, Any] | None = None,
    token: str = "",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send JSON (`body`) or a form and read the whole answer."""
    parts = urlsplit(url)
    sent = dict(headers or {})
    content = None
    if body is not None:
        content, sent["Content-Type"] = json.dumps(body), "application/json"
    elif form is not None:
        content, sent["Content-Type"] = urlencode(form, doseq=True), "application/x-www-form-urlencoded"
    if token:
        sent["Authorization"] = f"Bearer {token}"
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.request(method, parts._replace(scheme="", netloc="", fragment="").geturl(), content, sent)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()
