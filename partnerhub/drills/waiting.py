"""Waiting for other processes: asking again until it is so, never sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.1, 0.5, 1.25


class NeverHappenedError(AssertionError):
    """What was waited for did not happen in its time; the text says what, and the last answer."""


def eventually(check: Callable[[], T], *, within: float, what: str = "", longest_pause: float = LONGEST_PAUSE) -> T:
    """The first truthy answer of `check`. Raises NeverHappenedError after `within` seconds, showing the last.

    Asked ten times a second at first and twice a second later on: each question keeps a hub from its work. What is so
    for a moment only needs a shorter `longest_pause` (seconds).
    """
    deadline, pause = time.monotonic() + within, FIRST_PAUSE
    while not (found := check()):
        if time.monotonic() >= deadline:
            asked = what or "what was waited for"
            raise NeverHappenedError(f"{asked} did not happen within {within:.0f} s; the last answer: {found!r}")
        time.sleep(pause)
        pause = min(pause * GROWTH, longest_pause)
    return found
