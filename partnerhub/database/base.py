"""PostgreSQL as Django has it, each thread with a session that it keeps; whether that is still there is seen for free.

Django asks a kept session for an answer before each request or task. One that has answered within the last seconds is
looked at instead: a server that ends a session says so, and then there is something to read where nothing was asked.
"""

import select
import threading
import time
from typing import Any

from django.db.backends.postgresql import base

# What a network loses without a word is found out by asking again after so long.
TRUSTED_SECONDS = 5.0
_thread = threading.local()


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's session."""

    # Django's own, which its types do not know.
    health_check_enabled: bool
    health_check_done: bool
    _answered_at = 0.0

    def connect(self) -> None:
        super().connect()
        self._answered_at = time.monotonic()
        # Each wrapper has its own: a probe's session is another one's than its thread's.
        if threading.current_thread() is not threading.main_thread():
            vars(_thread)[f"session {id(self)}"] = _Kept(self.connection)

    def close_if_health_check_failed(self) -> None:
        """Close a session that is gone, so that the next statement opens another."""
        if self.connection is None or self.health_check_done or not self.health_check_enabled:
            return
        if time.monotonic() < self._answered_at + TRUSTED_SECONDS and _is_silent(self.connection):
            self.health_check_done = True
            return
        super().close_if_health_check_failed()
        self._answered_at = time.monotonic()


class _Kept:
    """Ends a session together with its thread, which web servers end when they have too many: Django's objects would
    keep it until garbage is collected.
    """

    def __init__(self, session: Any) -> None:
        self._session = session

    def __del__(self) -> None:
        self._session.close()


def _is_silent(session: Any) -> bool:
    if session.closed:
        return False
    poll = select.poll()
    poll.register(session.fileno(), select.POLLIN)
    return not poll.poll(0)
