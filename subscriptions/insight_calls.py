"""Figures of what goes between the hub, publishers and programs: questions, circuits, webhooks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, DateTimeField, DurationField, F, FloatField, Max, Q, QuerySet, Sum
from django.db.models.functions import Trunc

from accounts.policy import Action, Actor, authorize
from partnerhub.hooks.models import Delivery
from partnerhub.hooks.registry import TEST
from partnerhub.hooks.selectors import deliveries_visible_to
from partnerhub.outbox.models import Event
from publishers.calls import Calls
from publishers.events import CircuitClosed, CircuitOpened
from publishers.fulfillment.gateway import Outcome
from publishers.models import CallKind, CallTally
from publishers.selectors import publishers_visible_to
from publishers.services.circuit import WELL
from subscriptions.insight import Grain, Outage, Turn, outages
from subscriptions.insight_orders import Asked, Percentiles, spread_of
from subscriptions.models import NoticeAttempt
from subscriptions.selectors import within

_CIRCUIT = (CircuitOpened.name, CircuitClosed.name)


def outcomes_by_part(actor: Actor, asked: Asked, grain: Grain) -> dict[date, dict[str, int]]:
    """What came of questions to publishers: by the first day of the day, week or month (UTC), by outcome.

    Raises NotPermitted.
    """
    part = Trunc("hour", grain.value, tzinfo=UTC, output_field=DateTimeField())
    rows = _questions(actor, asked).annotate(part=part).values_list("part", "outcome").annotate(number=Sum("calls"))
    found: dict[date, dict[str, int]] = {}
    for moment, outcome, number in rows:
        found.setdefault(moment.date(), {})[outcome] = number
    return found


def questions_by_publisher(actor: Actor, asked: Asked) -> dict[UUID, Calls]:
    """How questions to each publisher went, in the order of their names. Raises NotPermitted."""
    sums = {
        "asked": Sum("calls"),
        "well": Sum("calls", filter=Q(outcome__in=list(WELL)), default=0),
        "total": Sum("milliseconds"),
        "slowest": Max("slowest_milliseconds"),
    }
    rows = _questions(actor, asked).order_by("publisher__name").values("publisher_id").annotate(**sums)
    return {key: Calls(*figures) for key, *figures in rows.values_list("publisher_id", *sums)}


def _questions(actor: Actor, asked: Asked) -> QuerySet[CallTally]:
    span = asked.span
    rows = CallTally.objects.filter(publisher__in=_publishers(actor, asked), kind=CallKind.ASK)
    return rows.filter(hour__gte=span.begins, hour__lt=span.ends).order_by()


def _publishers(actor: Actor, asked: Asked) -> Collection[UUID]:
    """Named one by one: the indexes of calls, notices and events lead from a publisher to its days."""
    visible = publishers_visible_to(actor)
    return list((visible.filter(pk=asked.publisher.pk) if asked.publisher else visible).values_list("pk", flat=True))


def outages_of(actor: Actor, asked: Asked) -> list[Outage]:
    """When publishers were left alone because they failed, the latest first; also where it began before the span.

    Raises NotPermitted.
    """
    events = Event.objects.filter(stream_id__in=_publishers(actor, asked), name__in=_CIRCUIT)
    before = events.filter(at__lt=asked.span.begins).order_by("stream_id", "-sequence").distinct("stream_id")
    during = events.filter(at__gte=asked.span.begins, at__lt=asked.span.ends).order_by("stream_id", "sequence")
    return outages([_turn(event) for found in (before, during) for event in found])


def _turn(event: Event) -> Turn:
    opened, data = event.name == CircuitOpened.name, event.data
    return Turn(event.stream_id, event.at, opened, data.get("failures", 0), data.get("detail", ""))


@dataclass(frozen=True, slots=True)
class Told:
    """Posts to a webhook: how many, how many were received, and within how many milliseconds 50, 90 and 99 of 100."""

    posts: int = 0
    received: int = 0
    times: tuple[float, float, float] | None = None


def notices_by_part(actor: Actor, asked: Asked, grain: Grain) -> dict[date, Told]:
    """Posts to publishers' webhooks by the first day of the day, week or month (UTC). Raises NotPermitted."""
    part = Trunc("sent_at", grain.value, tzinfo=UTC, output_field=DateTimeField())
    return {key.date(): told for key, told in _told(_notices(actor, asked).annotate(part=part), "part")}


def notices_by_publisher(actor: Actor, asked: Asked) -> dict[UUID, Told]:
    """Posts to each publisher's webhook, in the order of their names. Raises NotPermitted."""
    return dict(_told(_notices(actor, asked).order_by("publisher__name"), "publisher_id"))


def _notices(actor: Actor, asked: Asked) -> QuerySet[NoticeAttempt]:
    authorize(actor, Action.PUBLISHER_READ)
    rows = NoticeAttempt.objects.filter(publisher__in=_publishers(actor, asked)).order_by()
    rows = rows.filter(sent_at__gte=asked.span.begins, sent_at__lt=asked.span.ends)
    return within(rows, actor, "operation__subscription__customer")


def _told(rows: QuerySet[NoticeAttempt], key: str) -> list[tuple[Any, Told]]:
    figures = rows.values(key).annotate(
        posts=Count("pk"),
        received=Count("pk", filter=Q(outcome=Outcome.ANSWERED)),
        times=Percentiles("milliseconds", FloatField(), filter=Q(http_status__isnull=False)),
    )
    found = figures.values_list(key, "posts", "received", "times")
    return [(value, Told(posts, received, spread_of(times))) for value, posts, received, times in found]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a program was told: how many deliveries, how many have arrived, wait or were given up, and the time from
    the event to its arrival.
    """

    told: int = 0
    delivered: int = 0
    waiting: int = 0
    parked: int = 0
    times: tuple[timedelta, timedelta, timedelta] | None = None


def heard_by_program(actor: Actor, asked: Asked) -> dict[tuple[UUID, str], Heard]:
    """By the id and name of the API client; its validation events are left out. Raises NotPermitted."""
    client = F("registration__client_id"), F("registration__client__name")
    rows = _deliveries(actor, asked).annotate(client=client[0], client_name=client[1]).order_by("client_name", "client")
    return {(row["client"], row["client_name"]): _heard(row) for row in _counted(rows.values("client", "client_name"))}


def heard_by_part(actor: Actor, asked: Asked, grain: Grain) -> dict[date, Heard]:
    """By the first day of the day, week or month of the event (UTC). Raises NotPermitted."""
    part = Trunc("created_at", grain.value, tzinfo=UTC, output_field=DateTimeField())
    rows = _counted(_deliveries(actor, asked).annotate(part=part).values("part"))
    return {row["part"].date(): _heard(row) for row in rows}


def _deliveries(actor: Actor, asked: Asked) -> QuerySet[Delivery]:
    rows = deliveries_visible_to(actor).select_related(None).exclude(event_name=TEST).order_by()
    return rows.filter(created_at__gte=asked.span.begins, created_at__lt=asked.span.ends)


def _counted(grouped: Any) -> Any:
    return grouped.annotate(
        told=Count("pk"),
        delivered=Count("delivered_at"),
        parked=Count("parked_at"),
        times=Percentiles(F("delivered_at") - F("created_at"), DurationField()),
    )


def _heard(row: dict[str, Any]) -> Heard:
    told, delivered, parked = row["told"], row["delivered"], row["parked"]
    return Heard(told, delivered, told - delivered - parked, parked, spread_of(row["times"]))
