"""What publishers show that is not what we hold, item by item."""

from typing import Any, TypedDict

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, who_can
from customers.api.examples import CUSTOMER_ID
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Attributes, Collection, Guid, Utc, collection, guid, utc, utc_or_none
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import DivergenceOver, InvalidInput
from publishers.api.examples import PUBLISHER_ID
from subscriptions.api import grants
from subscriptions.models import Divergence
from subscriptions.selectors import divergence_for, divergences_visible_to
from subscriptions.services.divergences import LONGEST_NOTE, accept_divergence

QUERY = {
    "publisherId": "Only those at this publisher.",
    "subscriptionId": "Only those of this subscription.",
}


class DivergenceShown(TypedDict):
    """`kind` is quantity_differs, plan_differs, status_differs, assigned_differs, billed_differs, serves_after_end,
    unknown_there or accepted_by_silence. `ours` and `theirs` are what differs; `evidence` names what showed it last.
    `endedAs` is gone, or accepted by `endedBy` with a `note`; empty while it is open.
    """

    id: Guid
    subscriptionId: Guid
    customerId: Guid
    publisherId: Guid
    kind: str
    ours: str
    theirs: str
    firstSeenAt: Utc
    lastSeenAt: Utc
    evidence: dict[str, Any]
    endedAt: Utc | None
    endedAs: str
    endedBy: str
    note: str
    attributes: Attributes


EXAMPLE = DivergenceShown(
    id="2c1f4c0e-5d2a-4a5b-9a0d-6f7b8c9d0e1f",
    subscriptionId="a82ab91c-faa7-4b84-96eb-27c017e0e1b7",
    customerId=CUSTOMER_ID,
    publisherId=PUBLISHER_ID,
    kind="quantity_differs",
    ours="5",
    theirs="6",
    firstSeenAt="2026-12-07T09:00:00Z",
    lastSeenAt="2026-12-07T10:00:00Z",
    evidence={"source": "poll", "at": "2026-12-07T10:00:00+00:00"},
    endedAt=None,
    endedAs="",
    endedBy="",
    note="",
    attributes=Attributes(objectType="Divergence"),
)
NOTE = {"note": "The publisher gives one licence for its own support."}
ACCEPTED = EXAMPLE | {"endedAt": "2026-12-07T11:00:00Z", "endedAs": "accepted", "endedBy": "ERP", **NOTE}


class LetBeBody(serializers.Serializer[Any]):
    """Why it is let be."""

    note = serializers.CharField(max_length=LONGEST_NOTE)


class Divergences(OwnResource):
    @operation(
        "listDivergences",
        "What publishers show otherwise",
        Collection[DivergenceShown],
        query=QUERY,
        parameters=PAGED,
        about="Page by page, the oldest first.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=collection([EXAMPLE], "/divergences"),
    )
    def get(self, request: Request) -> Response:
        rows = divergences_visible_to(caller(request))
        for parameter, what in (("publisherId", "publisher"), ("subscriptionId", "subscription")):
            if given := request.query_params.get(parameter):
                rows = rows.filter(**{what: guid(given, what)})
        page = page_of(rows, request, "/divergences", key="first_seen_at")
        shown = map(divergence_shown, page.rows)
        total, following, preceding = total_of(page, rows), page.following, page.preceding
        return Response(collection(shown, "/divergences", total=total, following=following, preceding=preceding))


class DivergenceById(OwnResource):
    @operation(
        "getDivergence",
        "One thing that a publisher shows otherwise",
        DivergenceShown,
        about="Also once it has ended.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=EXAMPLE,
    )
    def get(self, request: Request, divergence_id: str) -> Response:
        return Response(divergence_shown(divergence_for(caller(request), guid(divergence_id, "divergence"))))


class Accepting(OwnResource):
    @operation(
        "acceptDivergence",
        "Let it be, with a note that says why",
        DivergenceShown,
        body=LetBeBody,
        about="It is shown no more, unless it changes. What is wrong here is put right by changing the subscription.",
        roles=who_can(Action.DIVERGENCE_ACCEPT),
        refusals=(*grants.READING, InvalidInput, DivergenceOver),
        example=NOTE,
        answer=ACCEPTED,
    )
    @idempotent
    def post(self, request: Request, divergence_id: str) -> Response:
        actor = caller(request)
        found = divergence_for(actor, guid(divergence_id, "divergence"))
        note = checked(LetBeBody(data=body_of(request)))["note"]
        accept_divergence(actor, found.subscription_id, found.pk, note=note, at=now())
        return Response(divergence_shown(divergence_for(actor, found.pk)))


def divergence_shown(found: Divergence) -> DivergenceShown:
    return DivergenceShown(
        id=str(found.pk),
        subscriptionId=str(found.subscription_id),
        customerId=str(found.subscription.customer_id),
        publisherId=str(found.publisher_id),
        kind=found.kind,
        ours=found.ours,
        theirs=found.theirs,
        firstSeenAt=utc(found.first_seen_at),
        lastSeenAt=utc(found.last_seen_at),
        evidence=found.evidence,
        endedAt=utc_or_none(found.ended_at),
        endedAs=found.ended_as,
        endedBy=found.ended_by,
        note=found.note,
        attributes=Attributes(objectType="Divergence"),
    )
