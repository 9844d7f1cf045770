"""How calls to publishers went lately, out of their hourly tallies."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db.models import Max, Q, Sum

from publishers.models import CallKind, CallTally
from publishers.services.circuit import WELL

# Tallies are hourly: each period reaches back to the full hour before it, so that it is never shorter than it says.
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
PERIODS = (HOUR, DAY, WEEK)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one kind within a period; `well` of them were answered as they should be. Times in milliseconds."""

    calls: int = 0
    well: int = 0
    total_milliseconds: int = 0
    slowest_milliseconds: int = 0

    @property
    def success(self) -> float | None:
        """The share of those that went well, 0 to 1; None without calls."""
        return self.well / self.calls if self.calls else None

    @property
    def mean_milliseconds(self) -> int | None:
        return round(self.total_milliseconds / self.calls) if self.calls else None


CallsOf = dict[tuple[CallKind, timedelta], Calls]


def calls_of(publisher_ids: Collection[UUID], at: datetime) -> dict[UUID, CallsOf]:
    """The calls to these publishers up to `at`, by kind and period, in one query; kinds without a call are left out."""
    rows = CallTally.objects.filter(publisher__in=publisher_ids, hour__gte=_beginning(WEEK, at), hour__lte=at)
    found: dict[UUID, CallsOf] = {publisher_id: {} for publisher_id in publisher_ids}
    for row in cast(Iterable[dict[str, Any]], rows.values("publisher", "kind").annotate(**_sums(at))):
        for place, period in enumerate(PERIODS):
            names = ("calls", "well", "total", "slowest")
            figures = Calls(*(row[f"{name}_{place}"] or 0 for name in names))
            found[row["publisher"]][CallKind(row["kind"]), period] = figures
    return found


def _sums(at: datetime) -> dict[str, Sum | Max]:
    sums: dict[str, Sum | Max] = {}
    for place, period in enumerate(PERIODS):
        within = Q(hour__gte=_beginning(period, at))
        sums[f"calls_{place}"] = Sum("calls", filter=within)
        sums[f"well_{place}"] = Sum("calls", filter=within & Q(outcome__in=list(WELL)))
        sums[f"total_{place}"] = Sum("milliseconds", filter=within)
        sums[f"slowest_{place}"] = Max("slowest_milliseconds", filter=within)
    return sums


def _beginning(period: timedelta, at: datetime) -> datetime:
    return (at - period).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
