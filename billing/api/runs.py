"""The monthly billing run for programs: its months, what billing would do now, and billing."""

from collections.abc import Callable

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize_for_all
from billing.api import draft_examples as examples
from billing.api import draft_shapes
from billing.api.draft_shapes import BilledShown, BillingRunShown
from billing.api.drafts import KEEPERS
from billing.api.views import READERS
from billing.filters import month_in
from billing.invoicing import CHUNKS_A_REQUEST, CUSTOMERS_AT_ONCE, INVOICES_A_REQUEST, Billed, bill, preview
from billing.models import BillingRun
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Collection, collection
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import ClockBehind, ConcernsEveryCustomer, InvalidInput, NotFound, NotPermitted, SellerIncomplete

AT_ONCE = (
    f"At most {CHUNKS_A_REQUEST * CUSTOMERS_AT_ONCE} customers of each month and {INVOICES_A_REQUEST} invoices; the "
    "hub goes on with the rest by itself."
)
REFUSALS = (NotPermitted, ConcernsEveryCustomer, SellerIncomplete, ClockBehind)


class BillingRuns(OwnResource):
    @operation(
        "listBillingRuns",
        "The months that were billed",
        Collection[BillingRunShown],
        parameters=PAGED,
        about="The oldest first.",
        roles=READERS,
        refusals=(NotPermitted, ConcernsEveryCustomer, InvalidInput),
        answer=examples.RUNS,
    )
    def get(self, request: Request) -> Response:
        authorize_for_all(caller(request), Action.INVOICE_READ)
        rows = BillingRun.objects.all()
        page = page_of(rows, request, "/billingruns", key="started_at")
        shown = map(draft_shapes.run, page.rows)
        total, following, preceding = total_of(page, rows), page.following, page.preceding
        return Response(collection(shown, "/billingruns", total=total, following=following, preceding=preceding))

    @operation(
        "billNow",
        "Draft the months that are over, and finalize what was reviewed",
        BilledShown,
        about=f"What the hub does by itself in time. Again, it does what is left. {AT_ONCE}",
        roles=KEEPERS,
        refusals=REFUSALS,
        answer=examples.BILLED,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        return _billed(request, bill)


class BillingPreview(OwnResource):
    @operation(
        "previewBilling",
        "What billing would do now",
        BilledShown,
        about=f"The same call, not kept: nothing is changed. {AT_ONCE}",
        roles=KEEPERS,
        refusals=REFUSALS,
        answer=examples.BILLED,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        return _billed(request, preview)


class BillingRunByMonth(OwnResource):
    @operation(
        "getBillingRun",
        "How far a month is",
        BillingRunShown,
        about="By its month, as `2026-11`.",
        roles=READERS,
        refusals=(NotPermitted, ConcernsEveryCustomer, NotFound),
        answer=examples.RUN,
    )
    def get(self, request: Request, month: str) -> Response:
        authorize_for_all(caller(request), Action.INVOICE_READ)
        first_day = month_in(month)
        found = BillingRun.objects.filter(month=first_day).first() if first_day else None
        if found is None:
            raise NotFound(what="billing run", id=month[:64])
        return Response(draft_shapes.run(found))


def _billed(request: Request, act: Callable[..., Billed]) -> Response:
    at = now()
    done = act(caller(request), as_of=at.date(), at=at, chunks=CHUNKS_A_REQUEST, limit=INVOICES_A_REQUEST)
    return Response(draft_shapes.billed(done))
