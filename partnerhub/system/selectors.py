"""Reading how the hub itself is doing: its processes, what waits, and what does not go through."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import django
from django.db import connection
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from accounts.policy import Action, Actor, authorize
from billing.models import Account, BillingRun
from partnerhub.broker import Broker
from partnerhub.hooks.models import Delivery as HookDelivery
from partnerhub.jobs.models import Job
from partnerhub.mail.models import Message
from partnerhub.mail.sending import UNWANTED
from partnerhub.notifications.models import Delivery as Notice
from partnerhub.outbox.models import Delivery, Heartbeat
from partnerhub.web.context import VERSION
from publishers.models import Publisher
from subscriptions.models import DriftCheck, Operation, PollSchedule
from subscriptions.models.operation import IN_FLIGHT, NOTICES

SHOWN = 20
LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Queue:
    """Work that waits: how much of it, how much is due or behind, how much has failed before, and since when the
    oldest is due (UTC).
    """

    name: str
    waiting: int
    due: int
    failing: int
    oldest: datetime | None


def heartbeats(actor: Actor) -> QuerySet[Heartbeat]:
    """The processes that were seen lately. Raises NotPermitted."""
    authorize(actor, Action.SYSTEM_READ)
    return Heartbeat.objects.order_by("name")


def queues(at: datetime) -> list[Queue]:
    """Everything that workers work off, each in one query."""
    flying = Operation.objects.filter(status__in=IN_FLIGHT, held_until=None)
    return [
        _queue("outbox", Delivery.objects.filter(delivered_at=None), "next_attempt_at", at),
        _queue("polls", PollSchedule.objects.filter(next_poll_at__isnull=False), "next_poll_at", at, ""),
        _queue("operations", flying, "next_attempt_at", at),
        _queue("hooks", HookDelivery.objects.filter(next_attempt_at__isnull=False), "next_attempt_at", at),
        _queue("notifications", Notice.objects.filter(next_attempt_at__isnull=False), "next_attempt_at", at),
        _queue("mails", Message.objects.filter(next_attempt_at__isnull=False), "next_attempt_at", at),
        _queue("drift", DriftCheck.objects.filter(next_check_at__isnull=False), "next_check_at", at, ""),
        _charges(at),
    ]


def _queue(name: str, rows: QuerySet[Any], field: str, at: datetime, failed: str = "attempts") -> Queue:
    due = Q(**{f"{field}__lte": at})
    counts = {"waiting": Count("pk"), "due": Count("pk", filter=due), "oldest": Min(field, filter=due)}
    if failed:
        counts["failing"] = Count("pk", filter=Q(**{f"{failed}__gt": 0}))
    found = rows.aggregate(**counts)
    return Queue(name, found["waiting"], found["due"], found.get("failing", 0), found["oldest"])


def _charges(at: datetime) -> Queue:
    due = Account.objects.filter(next_charge_on__lte=at.astimezone(UTC).date()).count()
    return Queue("charges", due, due, 0, None)


def stuck_deliveries() -> QuerySet[Delivery]:
    """Events that a consumer failed to hear, the oldest first; what waits behind one of them is not listed."""
    earlier = Delivery.objects.filter(
        stream_id=OuterRef("stream_id"),
        handler=OuterRef("handler"),
        sequence__lt=OuterRef("sequence"),
        delivered_at=None,
    )
    rows = Delivery.objects.filter(~Exists(earlier), delivered_at=None, attempts__gt=0)
    return rows.select_related("event").order_by("event__at", "id")


def unsent_mails() -> QuerySet[Message]:
    """Mails that failed and are tried again, the oldest first."""
    return Message.objects.filter(next_attempt_at__isnull=False, attempts__gt=0).order_by("created_at", "id")


def given_up_mails(at: datetime) -> QuerySet[Message]:
    """Mails that were given up within LATELY, the newest first, without those that nobody wanted any more."""
    rows = Message.objects.filter(failed_at__gte=at - LATELY).exclude(last_error=UNWANTED)
    return rows.order_by("-failed_at", "id")


def troubled_hooks(at: datetime) -> QuerySet[HookDelivery]:
    """Webhooks to programs that are tried again, or were given up within LATELY, the newest first."""
    lately = Q(parked_at__isnull=False, created_at__gte=at - LATELY)
    retried = Q(next_attempt_at__isnull=False, attempts__gt=0)
    rows = HookDelivery.objects.filter(lately | retried).select_related("registration__client")
    return rows.order_by("-created_at", "-id")


def troubled_publishers() -> list[tuple[Publisher, int]]:
    """Publishers that could not be told of something yet, each with how many notices are tried again."""
    failed = Operation.objects.filter(status__in=IN_FLIGHT, attempts__gt=0).exclude(last_error="")
    found = failed.filter(Q(action__in=NOTICES) | Q(notified_at=None)).order_by()
    counts: dict[UUID, int] = dict(found.values_list("subscription__publisher").annotate(n=Count("pk")))
    return [(one, counts[one.pk]) for one in Publisher.objects.filter(pk__in=counts).order_by("name")]


def billing_runs() -> list[BillingRun]:
    """The last three months billed, the newest first."""
    return list(BillingRun.objects.order_by("-month")[:3])


def open_jobs() -> QuerySet[Job]:
    """Jobs that were confirmed and are not over, the newest first."""
    return Job.objects.filter(confirmed_at__isnull=False, ended_at=None).order_by("-created_at", "-id")


def versions(broker: Broker) -> dict[str, str]:
    """What runs, by name."""
    number = connection.cursor().connection.info.server_version
    return {
        "Partner Hub": VERSION,
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "PostgreSQL": f"{number // 10000}.{number % 10000}",
        "Redis": broker.version,
    }
