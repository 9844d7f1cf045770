"""What does not go through, and trying it again, for programs: as the system page has it."""

from datetime import datetime
from typing import TypedDict
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize_for_all, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, Utc, collection, guid, utc, utc_or_none
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import ConcernsEveryCustomer, DeliveryUnderWay, HookRemovedMeanwhile, NotFound, NotPermitted
from partnerhub.hooks.models import Delivery as HookDelivery
from partnerhub.hooks.services import send_again
from partnerhub.mail.models import Message
from partnerhub.outbox.models import Delivery
from partnerhub.system import selectors
from partnerhub.system.services import retry_delivery, retry_mail

READERS = who_can(Action.SYSTEM_READ)
RETRIERS = who_can(Action.SYSTEM_RETRY)
REFUSALS = (NotPermitted, ConcernsEveryCustomer)
RETRYING = (*REFUSALS, NotFound, DeliveryUnderWay)
MAIL_ID = "0d9f6a3b-6b1c-4d43-8a57-2ac7a4c1a0fe"
HOOK_ID = "04af2aea-d413-42db-824e-f328001484d1"
ABOUT = f"The oldest first, {selectors.SHOWN} at most: what is mended makes room for the next."


class Undelivered(TypedDict):
    """What did not go through. `status` is `retrying`, or `given_up`: then nothing is tried any more by itself.

    `about` is the event or the subject, `receiver` the consumer, the address or the program.
    """

    id: str
    about: str
    receiver: str
    since: Utc
    attempts: int
    status: str
    lastError: str
    nextAttemptAt: Utc | None


class Retried(TypedDict):
    """`retried` is false where nothing was to do: it is being tried already, or over."""

    id: str
    retried: bool


EVENT = Undelivered(
    id="42",
    about="subscription.activated",
    receiver="billing",
    since="2026-12-07T08:00:00Z",
    attempts=3,
    status="retrying",
    lastError="OperationalError",
    nextAttemptAt="2026-12-07T09:05:00Z",
)
MAIL = Undelivered(
    id=MAIL_ID,
    about="Set up Contoso Sign",
    receiver="jan.kowalski@fabrykam.example",
    since="2026-12-07T08:00:00Z",
    attempts=2,
    status="retrying",
    lastError="SMTPDataError 451",
    nextAttemptAt="2026-12-07T09:05:00Z",
)
HOOK = Undelivered(
    id=HOOK_ID,
    about="subscription-updated",
    receiver="ERP",
    since="2026-12-07T08:00:00Z",
    attempts=10,
    status="given_up",
    lastError="",
    nextAttemptAt=None,
)


class StuckEvents(OwnResource):
    @operation(
        "listStuckEvents",
        "Events that a consumer of the hub failed to hear",
        Collection[Undelivered],
        about=f"They are tried again by themselves. {ABOUT}",
        roles=READERS,
        refusals=REFUSALS,
        answer=collection([EVENT], "/system/events"),
    )
    def get(self, request: Request) -> Response:
        authorize_for_all(caller(request), Action.SYSTEM_READ)
        found = map(_event, selectors.stuck_deliveries()[: selectors.SHOWN])
        return Response(collection(found, "/system/events"))


class StuckEventRetry(OwnResource):
    @operation(
        "retryStuckEvent",
        "Let the consumer hear it at once",
        Retried,
        status=202,
        about="A worker does within seconds.",
        roles=RETRIERS,
        refusals=RETRYING,
        answer=Retried(id="42", retried=True),
    )
    @idempotent
    def post(self, request: Request, delivery_id: str) -> Response:
        actor = caller(request)
        authorize_for_all(actor, Action.SYSTEM_RETRY)
        if not (delivery_id.isascii() and delivery_id.isdigit() and len(delivery_id) < 18):
            raise NotFound(what="delivery", id=delivery_id[:64])
        return Response(Retried(id=delivery_id, retried=retry_delivery(actor, int(delivery_id), at=now())), 202)


class UnsentMails(OwnResource):
    @operation(
        "listUnsentMails",
        "Mails that could not be sent",
        Collection[Undelivered],
        about=f"Those that are tried again, then those given up within a week. {ABOUT}",
        roles=READERS,
        refusals=REFUSALS,
        answer=collection([MAIL], "/system/mails"),
    )
    def get(self, request: Request) -> Response:
        authorize_for_all(caller(request), Action.SYSTEM_READ)
        tried = selectors.unsent_mails()[: selectors.SHOWN]
        given_up = selectors.given_up_mails(now())[: selectors.SHOWN]
        return Response(collection(map(_mail, [*tried, *given_up]), "/system/mails"))


class UnsentMailRetry(OwnResource):
    @operation(
        "retryMail",
        "Send it at once",
        Retried,
        status=202,
        about="A worker does within seconds. What was given up, too, while its text is kept and of use.",
        roles=RETRIERS,
        refusals=RETRYING,
        answer=Retried(id=MAIL_ID, retried=True),
    )
    @idempotent
    def post(self, request: Request, mail_id: str) -> Response:
        actor = caller(request)
        authorize_for_all(actor, Action.SYSTEM_RETRY)
        found = guid(mail_id, "mail")
        return Response(Retried(id=str(found), retried=retry_mail(actor, found, at=now())), 202)


class TroubledHooks(OwnResource):
    @operation(
        "listTroubledWebhooks",
        "Webhooks to programs that do not go through",
        Collection[Undelivered],
        about=f"Those that are tried again, and those given up within a week, the newest first; {selectors.SHOWN}.",
        roles=READERS,
        refusals=REFUSALS,
        answer=collection([HOOK], "/system/webhooks"),
    )
    def get(self, request: Request) -> Response:
        authorize_for_all(caller(request), Action.SYSTEM_READ)
        found = map(_hook, selectors.troubled_hooks(now())[: selectors.SHOWN])
        return Response(collection(found, "/system/webhooks"))


class HookRetry(OwnResource):
    @operation(
        "sendWebhookAgain",
        "Send a webhook again that is over",
        Retried,
        status=202,
        about="Delivered or given up, it is tried anew with all its attempts.",
        roles=who_can(Action.CLIENT_MANAGE),
        refusals=(*RETRYING, HookRemovedMeanwhile),
        answer=Retried(id=HOOK_ID, retried=True),
    )
    @idempotent
    def post(self, request: Request, delivery_id: str) -> Response:
        actor, at = caller(request), now()
        authorize_for_all(actor, Action.CLIENT_MANAGE)
        return Response(_sent(send_again(actor, guid(delivery_id, "delivery"), at=at).pk), 202)


def _sent(delivery_id: UUID) -> Retried:
    return Retried(id=str(delivery_id), retried=True)


def _event(one: Delivery) -> Undelivered:
    return Undelivered(
        id=str(one.pk),
        about=one.event.name,
        receiver=one.handler,
        since=utc(one.event.at),
        attempts=one.attempts,
        status="retrying",
        lastError=one.last_error,
        nextAttemptAt=utc(one.next_attempt_at),
    )


def _mail(one: Message) -> Undelivered:
    return Undelivered(
        id=str(one.pk),
        about=one.subject,
        receiver=one.recipient,
        since=utc(one.created_at),
        attempts=one.attempts,
        status=_status(one.failed_at),
        lastError=one.last_error,
        nextAttemptAt=utc_or_none(one.next_attempt_at),
    )


def _hook(one: HookDelivery) -> Undelivered:
    return Undelivered(
        id=str(one.pk),
        about=one.event_name,
        receiver=one.registration.client.name,
        since=utc(one.created_at),
        attempts=one.attempts,
        status=_status(one.parked_at),
        lastError="",
        nextAttemptAt=utc_or_none(one.next_attempt_at),
    )


def _status(given_up_at: datetime | None) -> str:
    return "given_up" if given_up_at else "retrying"
