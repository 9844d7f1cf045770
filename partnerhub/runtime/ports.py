"""Ports and answers on this machine."""

import http.client
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port now."""
    with socket.socket() as attempt:
        # As servers do: a connection of the last run that still lingers is no obstacle.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answer(url: str, *, headers: Mapping[str, str] | None = None, seconds: float = 5) -> tuple[int, str]:
    """Status and body of a GET on this machine, never through a proxy; (0, the reason) when nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path, headers=dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()
