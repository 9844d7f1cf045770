"""Figures of orders and changes: how long they took, what waits and for how long. A fixed number of queries each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Aggregate,
    Case,
    Count,
    DateTimeField,
    DurationField,
    F,
    Field,
    IntegerField,
    Min,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Trunc

from accounts.policy import Action, Actor, authorize
from customers.models import Customer
from publishers.models import Publisher
from subscriptions.enums import OperationStatus, Reason, Status
from subscriptions.insight import Grain, Span, age_bands
from subscriptions.models import Operation, Subscription
from subscriptions.models.operation import IN_FLIGHT, OURS_ALONE
from subscriptions.scoreboard import FEWEST_ORDERS
from subscriptions.selectors import blocking_gates, within
from subscriptions.terms import midnight

REFUSED = (OperationStatus.FAILED, OperationStatus.CONFLICT)
_OVER = Q(status__in=[OperationStatus.SUCCEEDED, *REFUSED])


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to know of: days, and only one publisher or customer where one is named."""

    span: Span
    publisher: Publisher | None = None
    customer: Customer | None = None


class Percentiles(Aggregate):
    """Half, nine and ninety-nine in a hundred of the values are at most so great, interpolated; [] without values."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: Any, of: "Field[Any, Any]", **given: Any) -> None:
        super().__init__(expression, output_field=ArrayField(of), **given)


Spread = tuple[timedelta, timedelta, timedelta]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Of some orders: how many were activated, and within what time half, 9 of 10 and 99 of 100 of those were."""

    bought: int = 0
    activated: int = 0
    times: Spread | None = None


def readiness_by_month(actor: Actor, asked: Asked) -> dict[date, Readiness]:
    """By the first day of the month of purchase (UTC), months without orders left out. Raises NotPermitted."""
    return {key[0].date(): found for key, found in _readiness(actor, asked, "month")}


def readiness_by_publisher(actor: Actor, asked: Asked) -> dict[UUID, Readiness]:
    """By publisher, in the order of their names. Raises NotPermitted."""
    return {key[0]: found for key, found in _readiness(actor, asked, "publisher_id")}


def readiness_by_both(actor: Actor, asked: Asked) -> list[tuple[UUID, date, Readiness]]:
    """By publisher and month of purchase. Raises NotPermitted."""
    found = _readiness(actor, asked, "publisher_id", "month")
    return [(publisher_id, month.date(), one) for (publisher_id, month), one in found]


def _readiness(actor: Actor, asked: Asked, *keys: str) -> list[tuple[tuple[Any, ...], Readiness]]:
    month = Trunc("purchased_at", "month", tzinfo=UTC, output_field=DateTimeField())
    bought = _orders(actor, asked).filter(purchased_at__gte=asked.span.begins, purchased_at__lt=asked.span.ends)
    order = ["publisher__name" if key == "publisher_id" else key for key in keys]
    figures = bought.annotate(month=month).order_by(*order).values(*keys).annotate(
        bought=Count("pk"),
        activated=Count("activated_at"),
        times=Percentiles(F("activated_at") - F("purchased_at"), DurationField()),
    )  # fmt: skip
    rows = figures.values_list(*keys, "bought", "activated", "times")
    return [(tuple(row[: len(keys)]), Readiness(row[-3], row[-2], spread_of(row[-1]))) for row in rows]


def _orders(actor: Actor, asked: Asked) -> QuerySet[Subscription]:
    authorize(actor, Action.SUBSCRIPTION_READ)
    rows = within(Subscription.objects.order_by(), actor)
    rows = rows.filter(publisher=asked.publisher) if asked.publisher else rows
    return rows.filter(customer=asked.customer) if asked.customer else rows


def spread_of(times: Sequence[Any] | None) -> Any:
    """Percentiles as they came from the database; None where there was nothing to rank."""
    return tuple(times) if times else None


def waiting_by_age(actor: Actor, asked: Asked, today: date) -> dict[tuple[int, str], int]:
    """How many orders wait for their activation, whenever they were bought: by the place of their age in `age_bands`
    and by the reason that blocks them. Raises NotPermitted.
    """
    bands = list(enumerate(age_bands(today)))
    ages = [When(purchased_at__gte=midnight(band.first), then=Value(place)) for place, band in bands if band.first]
    band = Case(*ages, default=Value(bands[-1][0]), output_field=IntegerField())
    reason = Subquery(blocking_gates().order_by("position").values("reason")[:1])
    waiting = _orders(actor, asked).filter(status=Status.PENDING).annotate(band=band, waits_for=reason)
    counts: dict[tuple[int, str], int] = {}
    for place, waits_for, number in waiting.values_list("band", "waits_for").annotate(number=Count("pk")):
        key = (place, waits_for or Reason.AWAITING_CUSTOMER_SETUP.value)
        counts[key] = counts.get(key, 0) + number
    return counts


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits at a publisher. `usual` is what 9 of 10 of its orders took at most, None where too few tell;
    `stuck` have waited longer.
    """

    waiting: int
    oldest: timedelta
    usual: timedelta | None = None
    stuck: int = 0

    @property
    def share(self) -> float | None:
        """The stuck share, 0 to 1."""
        return self.stuck / self.waiting if self.usual else None


def backlog_by_publisher(actor: Actor, asked: Asked, at: datetime) -> dict[UUID, Backlog]:
    """What waits now, by publisher, beside the usual time of the orders that were bought in the span, by all customers
    that the actor may see. Publishers where nothing waits are left out. Raises NotPermitted.
    """
    usual = {
        publisher_id: one.times[1]
        for publisher_id, one in readiness_by_publisher(actor, Asked(asked.span, asked.publisher)).items()
        if one.activated >= FEWEST_ORDERS and one.times
    }
    limits = (When(publisher=publisher_id, then=Value(at - time)) for publisher_id, time in usual.items())
    limit = Case(*limits, default=Value(None), output_field=DateTimeField())
    waiting = _orders(actor, asked).filter(status=Status.PENDING).annotate(limit=limit)
    figures = waiting.order_by("publisher__name").values("publisher_id").annotate(
        waiting=Count("pk"), oldest=Min("purchased_at"), stuck=Count("pk", filter=Q(purchased_at__lt=F("limit")))
    )  # fmt: skip
    rows = figures.values_list("publisher_id", "waiting", "oldest", "stuck")
    return {key: Backlog(count, at - oldest, usual.get(key), stuck) for key, count, oldest, stuck in rows}


@dataclass(frozen=True, slots=True)
class LeadTime:
    """Of changes that were asked for: those that are over, how many of them were refused or not carried out, and the
    time from asking to the end. What was withdrawn is in neither.
    """

    asked: int = 0
    open: int = 0
    over: int = 0
    refused: int = 0
    times: Spread | None = None

    @property
    def share(self) -> float | None:
        """The share of those that are over that was refused, 0 to 1."""
        return self.refused / self.over if self.over else None


def lead_times_by_action(actor: Actor, asked: Asked) -> dict[str, LeadTime]:
    """By the action of the change, most asked for first. Raises NotPermitted."""
    rows = _figures(_changes(actor, asked).values("action"))
    found = {row["action"]: _lead_time(row) for row in rows}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1].asked, pair[0])))


def lead_times_by_part(actor: Actor, asked: Asked, grain: Grain) -> dict[date, LeadTime]:
    """By the first day of the day, week or month in which they were asked for (UTC). Raises NotPermitted."""
    part = Trunc("created_at", grain.value, tzinfo=UTC, output_field=DateTimeField())
    rows = _figures(_changes(actor, asked).annotate(part=part).values("part"))
    return {row["part"].date(): _lead_time(row) for row in rows}


def _changes(actor: Actor, asked: Asked) -> QuerySet[Operation]:
    """Those that a publisher hears of."""
    authorize(actor, Action.SUBSCRIPTION_READ)
    in_span = Q(created_at__gte=asked.span.begins, created_at__lt=asked.span.ends)
    rows = Operation.objects.filter(in_span).exclude(action__in=OURS_ALONE).order_by()
    rows = within(rows, actor, "subscription__customer")
    rows = rows.filter(subscription__publisher=asked.publisher) if asked.publisher else rows
    return rows.filter(subscription__customer=asked.customer) if asked.customer else rows


def _figures(grouped: Any) -> list[dict[str, Any]]:
    figures = grouped.annotate(
        asked=Count("pk"),
        open=Count("pk", filter=Q(status__in=IN_FLIGHT)),
        over=Count("pk", filter=_OVER),
        refused=Count("pk", filter=Q(status__in=REFUSED)),
        times=Percentiles(F("completed_at") - F("created_at"), DurationField(), filter=_OVER),
    )
    return cast(list[dict[str, Any]], list(figures))


def _lead_time(row: dict[str, Any]) -> LeadTime:
    return LeadTime(row["asked"], row["open"], row["over"], row["refused"], spread_of(row["times"]))
