"""Spans of what the hub does, for whoever set up traces (`partnerhub/telemetry.py`); for all others they cost nothing.

One trace holds what belongs to one correlation id: the page or call, the events that others hear of it, the calls to
publishers and programs. A span is told only what is named here: ids and words, never an address with its query, a body
or an error's text, which may hold a personalised link.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Value = str | int
# Adds to a span what is known only later.
Tell = Callable[[Mapping[str, Value]], None]


class Tracer(Protocol):
    """What makes spans."""

    def span(self, name: str, correlation_id: str, facts: Mapping[str, Value]) -> AbstractContextManager[Tell]:
        """A span that lasts as long as the context and belongs to the trace of a correlation id."""


_tracer: Tracer | None = None


def _untold(_facts: Mapping[str, Value]) -> None:
    return None


_NOTHING: AbstractContextManager[Tell] = nullcontext(_untold)


def trace_with(tracer: Tracer | None) -> None:
    """Make spans with it from now on; None: make none."""
    global _tracer
    _tracer = tracer


def span(name: str, correlation_id: str, facts: Mapping[str, Value]) -> AbstractContextManager[Tell]:
    """A span around what is done in the context; inside another span it belongs to that one's trace."""
    return _NOTHING if _tracer is None else _tracer.span(name, correlation_id, facts)
