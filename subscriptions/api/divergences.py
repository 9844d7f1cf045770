"""What publishers show that is not what we hold, item by item."""

from typing import Any, TypedDict

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from customers.api.examples import CUSTOMER_ID
from partnerhub.api.pages import page_of
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Attributes, Collection, Guid, Utc, collection, guid, utc
from partnerhub.api.views import OwnResource
from publishers.api.examples import PUBLISHER_ID
from subscriptions.api import grants
from subscriptions.models import Divergence
from subscriptions.selectors import divergences_visible_to

QUERY = {
    "publisherId": "Only those at this publisher.",
    "subscriptionId": "Only those of this subscription.",
}


class DivergenceShown(TypedDict):
    """`kind` is quantity_differs, plan_differs, status_differs, assigned_differs, billed_differs, serves_after_end,
    unknown_there or accepted_by_silence. `ours` and `theirs` are what differs; `evidence` names what showed it last.
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
    attributes=Attributes(objectType="Divergence"),
)


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
        total, following, preceding = rows.count(), page.following, page.preceding
        return Response(collection(shown, "/divergences", total=total, following=following, preceding=preceding))


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
        attributes=Attributes(objectType="Divergence"),
    )
