"""`/metrics` for Prometheus: what the database knows of the work at hand, read at each scrape.

Every web process answers alike, because nothing is counted in memory.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, QuerySet
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from billing.models import Charge
from partnerhub.clock import now
from partnerhub.mail.models import Message
from partnerhub.mail.sending import UNWANTED
from partnerhub.outbox.models import Delivery, Heartbeat
from publishers.models import Circuit, Publisher
from subscriptions.enums import Status
from subscriptions.models import Operation, PollSchedule, Subscription
from subscriptions.models.operation import IN_FLIGHT


class HubCollector(Collector):
    """Gauges of one moment, UTC; ages and lags in seconds."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._publishers()
        yield self._subscriptions()
        yield from self._work()
        yield self._charges()
        yield self._mails()
        yield self._heartbeats()

    def _publishers(self) -> Iterator[GaugeMetricFamily]:
        pending = _gauge("hub_pending_subscriptions", "Subscriptions that wait for their publisher", "publisher")
        circuits = _gauge("hub_publisher_circuit", "1 for the state a publisher's circuit is in", "publisher", "state")
        waiting = dict(_counted(Subscription.objects.filter(status=Status.PENDING), "publisher_id"))
        for publisher in Publisher.objects.order_by("name"):
            pending.add_metric([publisher.name], waiting.get(publisher.pk, 0))
            for state in Circuit.values:
                circuits.add_metric([publisher.name, state], float(publisher.circuit == state))
        yield pending
        yield circuits

    def _subscriptions(self) -> GaugeMetricFamily:
        family = _gauge("hub_subscriptions", "Subscriptions by status", "status")
        found = dict(_counted(Subscription.objects.all(), "status"))
        for status in Status:
            family.add_metric([status.value], found.get(status.value, 0))
        return family

    def _work(self) -> Iterator[GaugeMetricFamily]:
        polls = PollSchedule.objects.filter(next_poll_at__lte=self.at)
        owed = Delivery.objects.filter(delivered_at=None)
        oldest = owed.aggregate(oldest=Min("event__at"))["oldest"]
        yield GaugeMetricFamily("hub_polls_due", "Polls that are due", polls.count())
        yield GaugeMetricFamily("hub_outbox_undelivered", "Deliveries still owed", owed.count())
        yield GaugeMetricFamily("hub_outbox_lag_seconds", "Age of the oldest undelivered event", self._age(oldest))
        under_way = Operation.objects.filter(status__in=IN_FLIGHT).count()
        yield GaugeMetricFamily("hub_operations_in_flight", "Changes that wait for a publisher", under_way)

    def _charges(self) -> GaugeMetricFamily:
        family = _gauge("hub_charges", "Charges in the ledger", "type")
        for charge_type, count in _counted(Charge.objects.all(), "charge_type"):
            family.add_metric([charge_type], count)
        return family

    def _mails(self) -> GaugeMetricFamily:
        family = _gauge("hub_mails", "Mails that wait to be sent, and mails that could not be", "state")
        family.add_metric(["waiting"], Message.objects.filter(next_attempt_at__isnull=False).count())
        failed = Message.objects.filter(failed_at__isnull=False).exclude(last_error=UNWANTED)
        family.add_metric(["failed"], failed.count())
        return family

    def _heartbeats(self) -> GaugeMetricFamily:
        family = _gauge("hub_heartbeat_age_seconds", "How long ago a process was last seen", "process")
        for beat in Heartbeat.objects.order_by("name"):
            family.add_metric([beat.name], self._age(beat.at))
        return family

    def _age(self, moment: datetime | None) -> float:
        return max(0.0, (self.at - moment).total_seconds()) if moment else 0.0


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=labels)


def _counted(rows: QuerySet[Any], field: str) -> list[tuple[Any, int]]:
    return list(rows.values_list(field).annotate(count=Count("pk")).order_by(field))


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    registry = CollectorRegistry()
    registry.register(HubCollector(now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
