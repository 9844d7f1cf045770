"""How long a session of the database may take over things, by the kind of process that holds it. Pure.

Who waits for a page gives up soon, a worker's statement may take minutes, and a command as long as it needs: but none
waits long for a lock, because whoever comes after it in the queue for that lock waits as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds; 0 for no limit. `statement`: one statement. `lock`: waiting for one lock. `idle`: a transaction that is
    open while nothing is asked of it.
    """

    statement: int
    lock: int
    idle: int


OF_A_COMMAND = Limits(0, 10, 0)
BY_PROCESS = {"web": Limits(60, 10, 60), "worker": Limits(300, 30, 120)}
VARIABLES = {"statement": "HUB_STATEMENT_SECONDS", "lock": "HUB_LOCK_SECONDS", "idle": "HUB_IDLE_SECONDS"}


def limits_of(process: str, environ: Mapping[str, str]) -> Limits:
    """The limits of a kind of process, unless a variable says otherwise. Raises ValueError where it is no number."""
    usual = BY_PROCESS.get(process, OF_A_COMMAND)
    return Limits(**{name: _given(environ, variable, getattr(usual, name)) for name, variable in VARIABLES.items()})


def options(limits: Limits) -> str:
    """The same as options of a connection to PostgreSQL."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    values = (limits.statement, limits.lock, limits.idle)
    return " ".join(f"-c {name}={value}s" for name, value in zip(names, values, strict=True))


def _given(environ: Mapping[str, str], variable: str, usual: int) -> int:
    text = environ.get(variable, "")
    if not text:
        return usual
    if not text.isdecimal():
        raise ValueError(f"{variable} is {text!r}: it must be a number of seconds, 0 for no limit")
    return int(text)
