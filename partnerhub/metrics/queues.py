"""Metrics of work that waits: the outbox, webhooks to programs, mails, changes, jobs, ticks; and who works it off."""

from datetime import datetime, timedelta

from django.db.models import Avg, Case, Count, Min, Q, Value, When
from prometheus_client.core import CounterMetricFamily

from partnerhub.broker import look_at_broker
from partnerhub.hooks.models import Attempt
from partnerhub.hooks.models import Delivery as HookDelivery
from partnerhub.jobs.enums import OPEN_ROWS, JobStatus
from partnerhub.jobs.models import JobRow
from partnerhub.mail.models import Message
from partnerhub.mail.sending import UNWANTED
from partnerhub.metrics.families import Families, age, gauge, single
from partnerhub.notifications.models import Delivery as Notice
from partnerhub.outbox.models import Delivery, Heartbeat
from partnerhub.outbox.recorder import consumers
from subscriptions.models import Operation
from subscriptions.models.operation import IN_FLIGHT

PARKED_LATELY = timedelta(days=7)
RECENT_ATTEMPTS = 1000
RESULTS = ("received", "refused", "unreachable")


def queue_families(at: datetime) -> Families:
    """Gauges of one moment (UTC); ages in seconds."""
    yield from _outbox(at)
    yield from _hooks(at)
    yield from _hook_attempts()
    yield from _mails(at)
    yield from _notifications(at)
    yield from _operations(at)
    yield from _jobs(at)
    yield from _processes(at)
    yield from _broker()


def _outbox(at: datetime) -> Families:
    owed = gauge("hub_outbox_undelivered", "Events that a consumer has not heard yet", "consumer")
    failing = gauge("hub_outbox_failing", "Those of them that failed at least once", "consumer")
    lag = gauge("hub_outbox_lag_seconds", "Age of the oldest event that a consumer has not heard", "consumer")
    rows = Delivery.objects.filter(delivered_at=None).order_by().values_list("handler")
    found = rows.annotate(n=Count("pk"), failed=Count("pk", filter=Q(attempts__gt=0)), first=Min("event__at"))
    waiting = {handler: rest for handler, *rest in found}
    for consumer in sorted(consumers() | set(waiting)):
        count, failed, oldest = waiting.get(consumer, (0, 0, None))
        owed.add_metric([consumer], count)
        failing.add_metric([consumer], failed)
        lag.add_metric([consumer], age(oldest, at))
    yield from (owed, failing, lag)


def _hooks(at: datetime) -> Families:
    family = gauge("hub_hooks", "Webhooks to programs: waiting, trying again, given up within seven days", "state")
    waiting = HookDelivery.objects.filter(next_attempt_at__isnull=False).aggregate(
        new=Count("pk", filter=Q(attempts=0)), retrying=Count("pk", filter=Q(attempts__gt=0)), oldest=Min("created_at")
    )
    parked = HookDelivery.objects.filter(parked_at__isnull=False, created_at__gte=at - PARKED_LATELY)
    family.add_metric(["waiting"], waiting["new"])
    family.add_metric(["retrying"], waiting["retrying"])
    family.add_metric(["parked"], parked.count())
    yield family
    yield single("hub_hooks_lag_seconds", "Age of the oldest webhook that waits", age(waiting["oldest"], at))


def _hook_attempts() -> Families:
    attempts = gauge("hub_hook_recent_attempts", "What the last 1000 posts to programs brought", "result")
    seconds = gauge("hub_hook_recent_seconds", "How long those took on average", "result")
    newest = Attempt.objects.order_by("-pk").values("pk")[:RECENT_ATTEMPTS]
    result = Case(
        When(http_status=None, then=Value("unreachable")),
        When(http_status__range=(200, 299), then=Value("received")),
        default=Value("refused"),
    )
    rows = Attempt.objects.filter(pk__in=newest).annotate(result=result).order_by().values_list("result")
    found = {name: rest for name, *rest in rows.annotate(n=Count("pk"), took=Avg("milliseconds"))}
    for name in RESULTS:
        count, milliseconds = found.get(name, (0, 0))
        attempts.add_metric([name], count)
        seconds.add_metric([name], milliseconds / 1000)
    yield from (attempts, seconds)


def _mails(at: datetime) -> Families:
    family = gauge("hub_mails", "Mails that wait to be sent, and mails that could not be", "state")
    waiting = Message.objects.filter(next_attempt_at__isnull=False).aggregate(
        new=Count("pk", filter=Q(attempts=0)), retrying=Count("pk", filter=Q(attempts__gt=0)), oldest=Min("created_at")
    )
    failed = Message.objects.filter(failed_at__isnull=False).exclude(last_error=UNWANTED)
    family.add_metric(["waiting"], waiting["new"])
    family.add_metric(["retrying"], waiting["retrying"])
    family.add_metric(["failed"], failed.count())
    yield family
    yield single("hub_mails_lag_seconds", "Age of the oldest mail that waits", age(waiting["oldest"], at))


def _notifications(at: datetime) -> Families:
    family = gauge("hub_notifications", "What people are told by channels of their own, and has not arrived", "state")
    waiting = Notice.objects.filter(next_attempt_at__isnull=False).aggregate(
        new=Count("pk", filter=Q(attempts=0)), retrying=Count("pk", filter=Q(attempts__gt=0)), oldest=Min("created_at")
    )
    family.add_metric(["waiting"], waiting["new"])
    family.add_metric(["retrying"], waiting["retrying"])
    yield family
    oldest = age(waiting["oldest"], at)
    yield single("hub_notifications_lag_seconds", "Age of the oldest of them that waits", oldest)


def _operations(at: datetime) -> Families:
    family = gauge("hub_operations_in_flight", "Changes and notices that are not final yet", "action")
    oldest = gauge("hub_operations_oldest_seconds", "Age of the oldest of them", "action")
    due = gauge("hub_operations_due", "Those of them that are due, and not held", "action")
    is_due = Q(next_attempt_at__lte=at, held_until=None)
    rows = Operation.objects.filter(status__in=IN_FLIGHT).order_by().values_list("action")
    for action, count, first, waiting in rows.annotate(
        n=Count("pk"), first=Min("created_at"), due=Count("pk", filter=is_due)
    ).order_by("action"):
        family.add_metric([action], count)
        oldest.add_metric([action], age(first, at))
        due.add_metric([action], waiting)
    yield from (family, oldest, due)


def _jobs(at: datetime) -> Families:
    jobs = gauge("hub_jobs", "Jobs that are not over", "status")
    rows = gauge("hub_job_rows", "Their rows that are not final", "status")
    oldest = gauge("hub_jobs_oldest_seconds", "Age of the oldest of them, since it was ordered", "status")
    found = JobRow.objects.filter(status__in=OPEN_ROWS, job__ended_at=None).order_by().values_list("job__status")
    open_jobs = {
        status: rest
        for status, *rest in found.annotate(
            jobs=Count("job", distinct=True), n=Count("pk"), first=Min("job__created_at")
        )
    }
    for status in (JobStatus.PLANNING, JobStatus.PLANNED, JobStatus.RUNNING, JobStatus.PAUSED):
        count, waiting, first = open_jobs.get(status.value, (0, 0, None))
        jobs.add_metric([status.value], count)
        rows.add_metric([status.value], waiting)
        oldest.add_metric([status.value], age(first, at))
    yield from (jobs, rows, oldest)


def _processes(at: datetime) -> Families:
    family = gauge("hub_heartbeat_age_seconds", "How long ago a process was last seen at work", "process")
    for beat in Heartbeat.objects.order_by("name"):
        family.add_metric([beat.name], age(beat.at, at))
    yield family


def _broker() -> Families:
    """Without an answer of the broker only that is told: what it would have said is unknown, not 0."""
    found = look_at_broker()
    ticks = gauge("hub_queue_ticks", "Ticks in the broker that no worker has taken", "queue")
    for queue, count in found.queues.items():
        ticks.add_metric([queue], count)
    yield single("hub_broker_up", "1 when the broker answers", float(found.answers))
    yield ticks
    errors = CounterMetricFamily("hub_server_errors", "Answers of the hub with a status of 500 or more")
    if found.server_errors is not None:
        errors.add_metric([], found.server_errors)
    yield errors
