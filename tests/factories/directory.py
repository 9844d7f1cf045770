"""An organisation's directory that speaks OpenID Connect over HTTP, on a thread."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

from partnerhub.clock import now

CLIENT, SECRET = "hub", "a secret of the directory, long enough"


class Directory:
    """Signs in whoever `claims` say, by code with PKCE, for one client.

    `forgets` names claims to leave out, `userinfo` what its other answer says instead; `asked` is the last question.
    """

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.issuer = ""
        self.audience = CLIENT
        self.fails = False
        self.forgets: tuple[str, ...] = ()
        self.userinfo: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        self._asked: dict[str, dict[str, str]] = {}

    def answer(self, path: str, query: dict[str, str], form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        match path:
            case "/.well-known/openid-configuration":
                names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                urls = {key: f"{self.issuer}/{name}" for key, name in names.items()}
                return 200, {"issuer": self.issuer, "userinfo_endpoint": f"{self.issuer}/me", **urls}
            case "/authorize":
                code, self.asked = f"code-{len(self._asked)}", query
                self._asked[code] = query
                back = urlencode({"code": code, "state": query["state"]})
                return 302, {"Location": f"{query['redirect_uri']}?{back}"}
            case "/token":
                return self._token(form)
            case "/me":
                return 200, {"sub": self.claims["sub"], **self.userinfo}
        return 404, {}

    def _token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        asked = self._asked.pop(form["code"], {})
        proved = base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked.get("code_challenge")
        if self.fails or not proved or (form["client_id"], form["client_secret"]) != (CLIENT, SECRET):
            return 400, {"error": "invalid_grant"}
        at = int(now().timestamp())
        known = {"iss": self.issuer, "aud": self.audience, "iat": at, "exp": at + 300, "nonce": asked.get("nonce")}
        claims = {name: value for name, value in {**known, **self.claims}.items() if name not in self.forgets}
        token = jwt.encode(claims, SECRET, algorithm="HS256")
        return 200, {"access_token": "one", "token_type": "Bearer", "expires_in": 300, "id_token": token}


@contextmanager
def serving(directory: Directory) -> Iterator[Directory]:
    """Let a directory be reached at its `issuer`."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._reply({key: values[0] for key, values in parse_qs(body).items()})

        def _reply(self, form: dict[str, str]) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            status, told = directory.answer(parts.path, query, form)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", told["Location"])
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_told: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    directory.issuer = f"http://127.0.0.1:{server.server_port}"
    try:
        yield directory
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
