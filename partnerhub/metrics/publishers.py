"""Metrics by publisher: what waits for each, how its calls go, and what it shows that we do not hold."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Min, QuerySet, Sum
from prometheus_client.core import SummaryMetricFamily

from partnerhub.metrics.families import Families, age, counted, gauge
from publishers.models import CallTally, Circuit, Publisher
from subscriptions.enums import Status
from subscriptions.models import Divergence, DriftCheck, PollSchedule, Subscription

Names = dict[UUID, str]


def publisher_families(at: datetime) -> Families:
    """Gauges of one moment (UTC); ages in seconds."""
    publishers = list(Publisher.objects.order_by("name"))
    names = {one.pk: one.name for one in publishers}
    yield from _waiting(publishers, names)
    polls = PollSchedule.objects.filter(publisher__in=names, next_poll_at__lte=at)
    yield from _due("hub_polls", "Questions about waiting purchases", polls, "next_poll_at", names, at)
    checks = DriftCheck.objects.filter(publisher__in=names, next_check_at__lte=at)
    yield from _due("hub_drift_checks", "Questions that look for drift", checks, "next_check_at", names, at)
    yield from _calls(names, at)
    yield from _divergences(names)


def _waiting(publishers: list[Publisher], names: Names) -> Families:
    pending = gauge("hub_pending_subscriptions", "Subscriptions that wait for their publisher", "publisher")
    asking = gauge("hub_polls_under_way", "Questions about waiting purchases that a worker has under way", "publisher")
    circuits = gauge("hub_publisher_circuit", "1 for the state a publisher's circuit is in", "publisher", "state")
    waiting = counted(Subscription.objects.filter(status=Status.PENDING), "publisher_id")
    leased = counted(PollSchedule.objects.filter(lease__isnull=False), "publisher_id")
    for one in publishers:
        pending.add_metric([one.name], waiting.get(one.pk, 0))
        asking.add_metric([one.name], leased.get(one.pk, 0))
        for state in Circuit.values:
            circuits.add_metric([one.name, state], float(one.circuit == state))
    yield from (pending, asking, circuits)


def _due(name: str, what: str, rows: QuerySet[Any], field: str, names: Names, at: datetime) -> Families:
    due = gauge(f"{name}_due", f"{what}: how many are due", "publisher")
    delay = gauge(f"{name}_delay_seconds", f"{what}: for how long the oldest has been due", "publisher")
    found = rows.order_by().values_list("publisher_id").annotate(n=Count("pk"), first=Min(field))
    by_publisher = {publisher: (count, oldest) for publisher, count, oldest in found}
    for publisher, label in names.items():
        count, oldest = by_publisher.get(publisher, (0, None))
        due.add_metric([label], count)
        delay.add_metric([label], age(oldest, at))
    yield from (due, delay)


def _calls(names: Names, at: datetime) -> Families:
    """Counted by the hub's day (UTC), so they begin at 0 each midnight: to Prometheus a reset like any other."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    family = SummaryMetricFamily(
        "hub_publisher_call_seconds", "Calls to publishers today (UTC), and how long they took", labels=_CALL
    )
    tallies = CallTally.objects.filter(publisher__in=names, hour__gte=midnight, hour__lte=at)
    summed = tallies.order_by().values_list("publisher_id", "kind", "outcome")
    for publisher, kind, outcome, calls, milliseconds in summed.annotate(n=Sum("calls"), took=Sum("milliseconds")):
        family.add_metric([names[publisher], kind, outcome], calls, milliseconds / 1000)
    yield family


_CALL = ("publisher", "kind", "outcome")


def _divergences(names: Names) -> Families:
    family = gauge("hub_divergences_open", "What publishers show and we do not hold", "publisher", "kind")
    rows = Divergence.objects.filter(ended_at=None).order_by().values_list("publisher_id", "kind")
    for publisher, kind, count in rows.annotate(n=Count("pk")):
        family.add_metric([names[publisher], kind], count)
    yield family
