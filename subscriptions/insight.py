"""Spans of days and their parts, ages, and how long circuits were open: for figures of the past. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

# Every figure is read from rows of so many days at most: a page of a hub with millions of rows stays a page.
MOST_DAYS = 400
# The longest spans that are shown by day and by week; longer ones are shown by month.
BY_DAY, BY_WEEK = 31, 183
# Bands of age: the last day of each, counted from the day of the purchase. What is older is in the band after them.
AGES = (1, 3, 7, 14, 30)
_DAY = timedelta(days=1)


class Grain(StrEnum):
    """What a span is divided into; the words are those of PostgreSQL's date_trunc. Weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """UTC days, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last, time(), UTC) + _DAY

    @property
    def grain(self) -> Grain:
        """What it is divided into so that a table of it can be read."""
        if self.days <= BY_DAY:
            return Grain.DAY
        return Grain.WEEK if self.days <= BY_WEEK else Grain.MONTH

    def parts(self, grain: Grain) -> list["Span"]:
        """The days, weeks or months that it touches, the oldest first; those at its ends are cut."""
        starts = [self.first]
        while (following := _next(starts[-1], grain)) <= self.last:
            starts.append(following)
        lasts = [start - _DAY for start in starts[1:]]
        return [Span(*pair) for pair in zip(starts, [*lasts, self.last], strict=True)]


def start_of(day: date, grain: Grain) -> date:
    """The first day of the day's week or month."""
    if grain == Grain.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if grain == Grain.WEEK else day


def _next(day: date, grain: Grain) -> date:
    longest = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31}[grain]
    return start_of(start_of(day, grain) + timedelta(days=longest), grain)


@dataclass(frozen=True, slots=True)
class AgeBand:
    """Ages in whole days; `oldest` is None where nothing is too old. `first` and `last` are the days of purchase."""

    youngest: int
    oldest: int | None
    first: date | None
    last: date


def age_bands(today: date) -> list[AgeBand]:
    """The bands of AGES as seen on a day, the youngest first."""
    youngest = [0, *(age + 1 for age in AGES)]
    return [
        AgeBand(low, high, today - timedelta(days=high) if high is not None else None, today - timedelta(days=low))
        for low, high in zip(youngest, [*AGES, None], strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Turn:
    """A circuit that opened or closed."""

    publisher_id: UUID
    at: datetime
    opened: bool
    failures: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Outage:
    """How long a publisher was left alone; `closed_at` is None while it still is."""

    publisher_id: UUID
    opened_at: datetime
    closed_at: datetime | None
    failures: int
    detail: str

    def within(self, begins: datetime, ends: datetime) -> timedelta:
        """How much of it lies between two moments."""
        return max(min(self.closed_at or ends, ends) - max(self.opened_at, begins), timedelta(0))


def outages(turns: Iterable[Turn]) -> list[Outage]:
    """Each opening with the closing that follows it, the latest first, out of turns that are in order by publisher."""
    by_publisher: dict[UUID, list[Turn]] = {}
    for turn in turns:
        by_publisher.setdefault(turn.publisher_id, []).append(turn)
    found = [outage for own in by_publisher.values() for outage in _of_one(own)]
    return sorted(found, key=lambda outage: outage.opened_at, reverse=True)


def _of_one(turns: Sequence[Turn]) -> list[Outage]:
    return [
        Outage(turn.publisher_id, turn.at, following.at if following else None, turn.failures, turn.detail)
        for turn, following in pairwise([*turns, None])
        if turn and turn.opened
    ]
