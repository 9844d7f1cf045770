"""Notices of the coming renewal: which there were, and telling the customer now."""

from typing import TypedDict

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Attributes, Collection, Guid, Utc, collection, midnight, utc, utc_or_none
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import NothingToRemind, NotPermitted, RemindedAlready
from partnerhub.mail.models import Message
from subscriptions.api import examples, grants
from subscriptions.api.views import bare_subscription_of, subscription_of
from subscriptions.models import RenewalNotice
from subscriptions.services.renewal_notices import notices_of, send_notice


class RenewalNoticeShown(TypedDict):
    """`state` is sent, failed, waiting (for the mail server), or unwritten with `why`: nobody could be written to."""

    subscriptionId: Guid
    renewsOn: Utc
    daysBefore: int
    state: str
    why: str
    noticedAt: Utc
    sentAt: Utc | None
    attributes: Attributes


EXAMPLE = RenewalNoticeShown(
    subscriptionId=examples.SUBSCRIPTION_ID,
    renewsOn="2027-12-07T00:00:00Z",
    daysBefore=30,
    state="waiting",
    why="",
    noticedAt="2027-11-07T09:00:00Z",
    sentAt=None,
    attributes=Attributes(objectType="RenewalNotice"),
)


class RenewalNotices(OwnResource):
    @operation(
        "listRenewalNotices",
        "What the customer was told of the coming renewal, oldest first",
        Collection[RenewalNoticeShown],
        about="With the proof that it was sent. Notices leave by themselves on the days that the policy says.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=collection([EXAMPLE], f"{examples.SUBSCRIPTION}/renewalnotices"),
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found = bare_subscription_of(caller(request), customer_id, subscription_id)
        rows = notices_of(found).select_related("message").order_by("noticed_at")
        uri = f"/customers/{found.customer_id}/subscriptions/{found.pk}/renewalnotices"
        return Response(collection(map(notice_shown, rows), uri))

    @operation(
        "sendRenewalNotice",
        "Tell the customer of the renewal now",
        RenewalNoticeShown,
        status=202,
        about="By e-mail and in its language, once in 24 hours. The notices that leave by themselves stay as they are.",
        roles=who_can(Action.SUBSCRIPTION_REMIND),
        refusals=(*grants.READING, NothingToRemind, RemindedAlready, NotPermitted),
        answer=EXAMPLE,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        return Response(notice_shown(send_notice(actor, found.pk, at=at)), 202)


def notice_shown(notice: RenewalNotice) -> RenewalNoticeShown:
    message = notice.message
    return RenewalNoticeShown(
        subscriptionId=str(notice.subscription_id),
        renewsOn=midnight(notice.term_end),
        daysBefore=notice.days_before,
        state=_state(message),
        why=notice.why,
        noticedAt=utc(notice.noticed_at),
        sentAt=utc_or_none(message.sent_at) if message else None,
        attributes=Attributes(objectType="RenewalNotice"),
    )


def _state(message: Message | None) -> str:
    if message is None:
        return "unwritten"
    if message.failed_at is not None:
        return "failed"
    return "waiting" if message.sent_at is None else "sent"
