"""How long to wait before a publisher is asked again. Pure; `chance` is a random number in [0, 1)."""

from datetime import datetime, timedelta

from publishers.fulfillment.gateway import Outcome

FIRST_WAIT = timedelta(seconds=2.5)
LONGEST_WAIT = timedelta(minutes=15)
LONGEST_RETRY_AFTER = timedelta(hours=1)
LAST_CHANCE = timedelta(seconds=30)
FIRST_RESEND = timedelta(seconds=5)
LONGEST_RESEND = timedelta(minutes=1)  # about 500 times in eight hours (fulfillment-v2.md section 8)
# A publisher's rate is an average: what it leaves may be called together for so long.
BURST_SECONDS = 0.25
# The wait is this part of the age of the last news (purchase, link opened, asked by hand): 2.5 s in the first two
# minutes, 15 min from half a day on.
PART_OF_AGE = 48

# The publisher stated nothing that we could use: each further time it is given twice the wait.
TROUBLE = frozenset({Outcome.FAILING, Outcome.SILENT, Outcome.THROTTLED, Outcome.FORBIDDEN, Outcome.UNREADABLE})


def spread(chance: float) -> float:
    """The factor of a wait's jitter: 0.8 to 1.2."""
    return 0.8 + 0.4 * chance


def wait_by_age(age: timedelta) -> timedelta:
    """The usual wait when the last news of a purchase is this old."""
    return min(max(age / PART_OF_AGE, FIRST_WAIT), LONGEST_WAIT)


def next_wait(
    *, age: timedelta, outcome: Outcome, last_trouble: timedelta | None, retry_after: timedelta | None, chance: float
) -> timedelta:
    """The wait after an answer to a question when the last news is this old.

    `last_trouble` is the time since the question before, when that one ended in trouble too. A publisher's own
    `retry_after` is the least we wait, up to an hour.
    """
    wait = wait_by_age(age)
    if outcome in TROUBLE and last_trouble is not None:
        wait = min(max(wait, 2 * last_trouble), LONGEST_WAIT)
    return _at_least(retry_after, wait * spread(chance))


def before_deadline(next_at: datetime, deadline: datetime, now: datetime) -> datetime:
    """`next_at`, or the last chance before the deadline where that comes first: a confirmation of the last quarter of
    an hour must not be found out too late.
    """
    last_chance = deadline - LAST_CHANCE
    return min(next_at, last_chance) if now < last_chance else next_at


def resend_wait(*, attempts: int, retry_after: timedelta | None, chance: float) -> timedelta:
    """The wait before a change is sent again after `attempts` failed ones (at least 1): soon, then once a minute."""
    wait = min(FIRST_RESEND * 2 ** min(attempts - 1, 10), LONGEST_RESEND)
    return _at_least(retry_after, wait * spread(chance))


def follow_wait(*, age: timedelta, retry_after: timedelta | None, chance: float) -> timedelta:
    """The wait before a publisher is asked again how far it is with a change that we asked for this long ago."""
    return _at_least(retry_after, wait_by_age(age) * spread(chance))


def _at_least(retry_after: timedelta | None, wait: timedelta) -> timedelta:
    return max(wait, min(retry_after or timedelta(), LONGEST_RETRY_AFTER))
