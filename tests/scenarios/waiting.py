"""Waiting for other processes: asking again until it is so, never sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.1


def eventually(check: Callable[[], T], *, within: float, what: str = "") -> T:
    """The first truthy answer of `check`, asked ten times a second. Fails after `within` seconds, showing the last."""
    deadline = time.monotonic() + within
    while not (found := check()):
        last = f"{what or 'what was waited for'} did not happen within {within:.0f} s; the last answer: {found!r}"
        assert time.monotonic() < deadline, last
        time.sleep(PAUSE)
    return found
