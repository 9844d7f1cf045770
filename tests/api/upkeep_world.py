"""What calls about money, jobs and upkeep find, each just before it is made, and forgotten with it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.policy import OPERATOR, SYSTEM, Actor, Role
from billing.invoicing import draft_month
from billing.models import Invoice
from billing.services.invoices import hold
from billing.services.statements import import_statement
from billing.statement_file import StatementRow
from partnerhub.hooks.models import Delivery as HookDelivery
from partnerhub.hooks.services import send_validation
from partnerhub.jobs.enums import RowStatus
from partnerhub.jobs.models import Job, JobRow
from partnerhub.jobs.services import confirm, pause, settle, stop
from partnerhub.mail.models import Message
from partnerhub.outbox.models import Delivery
from publishers.models import Circuit, Publisher
from publishers.services.secrets import make_secret
from subscriptions.bulk import plan_selected
from subscriptions.models import NoticeAttempt
from tests.factories.billing import ADMIN
from tests.factories.invoices import AFTERWARDS, NOVEMBER

LATER = AFTERWARDS + timedelta(hours=1)
# They ask somebody outside, so they are in no transaction that could be forgotten: tests/api/test_publishers.py.
OUTSIDE = {"testPublisherConnection", "sendPublisherNoticeAgain", "sendPublisherTestNotice"}


def drafted(world: Any) -> None:
    draft_month(SYSTEM, NOVEMBER.next, at=AFTERWARDS - timedelta(seconds=30))
    world.found["draft_id"] = Invoice.objects.get(number=None).pk


def held(world: Any) -> None:
    drafted(world)
    hold(ADMIN, world.found["draft_id"], reason="Wait", at=AFTERWARDS)


def stated(world: Any) -> None:
    row = StatementRow(2, str(world.bought.pk), NOVEMBER.start, 7, Decimal("70.56"), "PLN")
    done = import_statement(ADMIN, world.bought.publisher_id, "2026/11", [row], at=AFTERWARDS)
    world.found["statement_id"] = done.statement.pk


def planned(world: Any, *acts: Callable[..., Job]) -> None:
    """A planned job of the client that calls, ordered when it acted in a role that may, and moved on."""
    planner = replace(world.clients[world.role], role=Role.ADMIN_AGENT)
    job = plan_selected(planner, [world.bought.pk], None, {"poll": True}, reason="", at=AFTERWARDS)
    job.rows.update(status=RowStatus.PENDING, plan={"version": 1, "before": {}, "after": {"poll": True}})
    settle(job.pk, at=AFTERWARDS)
    for act in acts:
        act(planner, job.pk, at=AFTERWARDS)
    world.found["job_id"] = job.pk


def failed(actor: Actor, job_id: UUID, *, at: datetime) -> Job:
    """A job whose only row failed for a reason of the hub's own."""
    JobRow.objects.filter(job=job_id).update(status=RowStatus.FAILED, code="row_failed", worked_at=at)
    settle(job_id, at=at)
    return Job.objects.get(pk=job_id)


def secret(world: Any) -> None:
    make_secret(OPERATOR, world.bought.publisher_id, at=AFTERWARDS)
    world.found["secret_id"] = world.bought.publisher.client.secrets.get().pk


def noticed(world: Any) -> None:
    told = {"payload": {"id": "x", "action": "Renew"}, "outcome": "answered", "http_status": 200, "milliseconds": 9}
    about = {"operation": world.changing.operations.first(), "webhook_url": "https://x.example", "sent_by": "Anna"}
    attempt = NoticeAttempt.objects.create(
        publisher_id=world.bought.publisher_id, number=1, sent_at=AFTERWARDS, **about, **told
    )
    world.found["notice_id"] = attempt.pk


def paused(world: Any) -> None:
    Publisher.objects.update(circuit=Circuit.OPEN, circuit_retry_at=LATER)


def stuck(world: Any) -> None:
    found = Delivery.objects.order_by("pk").last()
    Delivery.objects.update(delivered_at=AFTERWARDS)
    Delivery.objects.filter(pk=found.pk).update(delivered_at=None, attempts=1, next_attempt_at=LATER, last_error="Away")
    world.found["delivery_id"] = found.pk


def unsent(world: Any) -> None:
    mail = Message.objects.create(
        key="x:1", recipient="jan@example.com", language="pl", subject="X", body=b"x", created_at=AFTERWARDS,
        next_attempt_at=LATER, attempts=2,
    )  # fmt: skip
    world.found["mail_id"] = mail.pk


def parked(world: Any) -> None:
    sent = send_validation(world.clients[Role.ADMIN_AGENT], at=AFTERWARDS)
    HookDelivery.objects.filter(pk=sent.pk).update(next_attempt_at=None, parked_at=AFTERWARDS)
    world.found["delivery_id"] = sent.pk


PREPARED: dict[str, Callable[[Any], object]] = {
    **dict.fromkeys(["listInvoiceDrafts", "getInvoiceDraft", "listInvoiceDraftLineItems"], drafted),
    **dict.fromkeys(["holdInvoiceDraft", "finalizeInvoiceDraft", "dropInvoiceDraft", "redraftInvoice"], drafted),
    "releaseInvoiceDraft": held,
    **dict.fromkeys(["listStatements", "getStatement", "listStatementLineItems"], stated),
    **dict.fromkeys(["listJobs", "getJob", "discardJob", "listJobRows", "getJobResults", "confirmJob"], planned),
    "pauseJob": lambda world: planned(world, confirm),
    "resumeJob": lambda world: planned(world, confirm, pause),
    "stopJob": lambda world: planned(world, confirm),
    "retryJob": lambda world: planned(world, confirm, failed),
    "planJobAgain": lambda world: planned(world, confirm, stop),
    **dict.fromkeys(["listPublisherSecrets", "revokePublisherSecret"], secret),
    **dict.fromkeys(["listPublisherNotices", "getPublisherNotice", "sendPublisherNoticeAgain"], noticed),
    "tryPublisher": paused,
    **dict.fromkeys(["listStuckEvents", "retryStuckEvent"], stuck),
    **dict.fromkeys(["listUnsentMails", "retryMail"], unsent),
    **dict.fromkeys(["listTroubledWebhooks", "sendWebhookAgain"], parked),
}


def everything(world: Any) -> None:
    """Something of each at once, for whoever looks around."""
    for prepare in (drafted, stated, planned, secret, noticed, unsent, stuck):
        prepare(world)
