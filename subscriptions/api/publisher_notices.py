"""What a publisher's webhook was told, for programs: the log, one post, telling it once more, a test event."""

from typing import Any, TypedDict

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize_for_all, who_can
from partnerhub.api.idempotency import idempotent_outside
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Attributes, Collection, Guid, Utc, collection, guid, utc
from partnerhub.api.views import OwnResource
from partnerhub.errors import ConcernsEveryCustomer, InvalidInput, NotFound, NoticeNotSent
from publishers.api.examples import PUBLISHER_ID
from publishers.selectors import publisher_for
from subscriptions.api import grants
from subscriptions.models import NoticeAttempt
from subscriptions.posting import send_again, send_test_event
from subscriptions.selectors import notice_of, notices_of

KEEPERS = who_can(Action.PUBLISHER_MANAGE)
SENDING = (*grants.READING, ConcernsEveryCustomer, NoticeNotSent)


class NoticeShown(TypedDict):
    """One post to the webhook. `action` is null for a test event; `outcome` is answered, refused, throttled or why no
    answer came; `payload` is what was sent.
    """

    id: Guid
    publisherId: Guid
    operationId: Guid | None
    subscriptionId: Guid | None
    action: str | None
    attempt: int
    sentAt: Utc
    sentBy: str
    outcome: str
    httpStatus: int | None
    milliseconds: int
    detail: str
    payload: dict[str, Any]
    attributes: Attributes


EXAMPLE = NoticeShown(
    id="1c9d0f5a-4a5e-4e34-9d6b-0b1f6a0c2d3e",
    publisherId=PUBLISHER_ID,
    operationId="c7294d31-f10e-4990-a890-15acedf1ca35",
    subscriptionId="a82ab91c-faa7-4b84-96eb-27c017e0e1b7",
    action="ChangeQuantity",
    attempt=1,
    sentAt="2026-12-07T09:30:00Z",
    sentBy="Partner Hub",
    outcome="answered",
    httpStatus=200,
    milliseconds=41,
    detail="",
    payload={"action": "ChangeQuantity", "quantity": 9},
    attributes=Attributes(objectType="PublisherNotice"),
)


class Notices(OwnResource):
    @operation(
        "listPublisherNotices",
        "What its webhook was told",
        Collection[NoticeShown],
        parameters=PAGED,
        about="The oldest first.",
        roles=grants.PUBLISHER_READERS,
        refusals=(*grants.READING, InvalidInput),
        answer=collection([EXAMPLE], f"/publishers/{PUBLISHER_ID}/notices"),
    )
    def get(self, request: Request, publisher_id: str) -> Response:
        actor = caller(request)
        publisher = publisher_for(actor, guid(publisher_id, "publisher"))
        rows, uri = notices_of(actor, publisher.pk), f"/publishers/{publisher.pk}/notices"
        page = page_of(rows, request, uri, key="sent_at")
        shown, total = map(notice, page.rows), total_of(page, rows)
        return Response(collection(shown, uri, total=total, following=page.following, preceding=page.preceding))


class NoticeById(OwnResource):
    @operation(
        "getPublisherNotice",
        "One post to its webhook",
        NoticeShown,
        about="What was sent, and what came back.",
        roles=grants.PUBLISHER_READERS,
        refusals=grants.READING,
        answer=EXAMPLE,
    )
    def get(self, request: Request, publisher_id: str, notice_id: str) -> Response:
        return Response(notice(_notice(request, publisher_id, notice_id)))


class SendAgain(OwnResource):
    @operation(
        "sendPublisherNoticeAgain",
        "Tell it once more, now",
        NoticeShown,
        about="With the same operation id. Answers the new post with what came of it.",
        roles=KEEPERS,
        refusals=SENDING,
        answer=EXAMPLE,
    )
    @idempotent_outside
    def post(self, request: Request, publisher_id: str, notice_id: str) -> Response:
        actor = caller(request)
        authorize_for_all(actor, Action.PUBLISHER_MANAGE)
        found = _notice(request, publisher_id, notice_id)
        if found.operation_id is None:
            raise NotFound(what="operation", id=notice_id)
        return Response(notice(send_again(actor, found.publisher_id, found.operation_id)))


class SendTest(OwnResource):
    @operation(
        "sendPublisherTestNotice",
        "Tell its webhook of something that is not",
        NoticeShown,
        about="A renewal of a subscription that does not exist: programs ignore it.",
        roles=KEEPERS,
        refusals=SENDING,
        answer=EXAMPLE,
    )
    @idempotent_outside
    def post(self, request: Request, publisher_id: str) -> Response:
        actor = caller(request)
        authorize_for_all(actor, Action.PUBLISHER_MANAGE)
        return Response(notice(send_test_event(actor, guid(publisher_id, "publisher"))))


def _notice(request: Request, publisher_id: str, notice_id: str) -> NoticeAttempt:
    return notice_of(caller(request), guid(publisher_id, "publisher"), guid(notice_id, "notice"))


def notice(found: NoticeAttempt) -> NoticeShown:
    operation = found.operation
    return NoticeShown(
        id=str(found.pk),
        publisherId=str(found.publisher_id),
        operationId=str(operation.pk) if operation else None,
        subscriptionId=str(operation.subscription_id) if operation else None,
        action=operation.action if operation else None,
        attempt=found.number,
        sentAt=utc(found.sent_at),
        sentBy=found.sent_by,
        outcome=found.outcome,
        httpStatus=found.http_status,
        milliseconds=found.milliseconds,
        detail=found.detail,
        payload=found.payload,
        attributes=Attributes(objectType="PublisherNotice"),
    )
