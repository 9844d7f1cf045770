"""Drafts of invoices, and what is done with them: by the services behind the pages, in the same states."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, Actor, authorize, who_can
from billing.api import draft_examples as examples
from billing.api import draft_shapes, shapes
from billing.api.bodies import CreditBody, InvoiceReasonBody
from billing.api.draft_shapes import DraftShown
from billing.api.line_views import LARGEST_PAGE, collected
from billing.api.line_views import PAGED as LINES_PAGED
from billing.api.lines import LineItem
from billing.api.shapes import InvoiceShown
from billing.api.views import READERS
from billing.enums import InvoiceKind, InvoiceState
from billing.issued import issued_for
from billing.models import Invoice
from billing.selectors import invoice_for, invoices_visible_to
from billing.services import crediting
from billing.services import invoices as services
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Collection, collection, guid
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import (
    CreditBeyondInvoice,
    ExchangeRateMissing,
    InvalidInput,
    InvoiceStateForbids,
    LedgerBehind,
    NotFound,
    NothingToCredit,
    NotPermitted,
    SellerIncomplete,
    TaxMoved,
    TaxRateMissing,
)

KEEPERS = who_can(Action.INVOICE_MANAGE)
OPEN = (InvoiceState.DRAFT, InvoiceState.HELD)
STATUS = OpenApiParameter("status", {"type": "string", "enum": [*OPEN]}, description="Both when absent.")
READING = (NotPermitted, NotFound)
ACTING = (*READING, InvalidInput, InvoiceStateForbids)
Do = Callable[[Actor, UUID, str, datetime], Invoice]


class Drafts(OwnResource):
    @operation(
        "listInvoiceDrafts",
        "What is drafted and not final yet",
        Collection[DraftShown],
        query={"customerId": "Only those of this customer."},
        parameters=(STATUS, *PAGED),
        about="Page by page, the oldest first.",
        roles=READERS,
        refusals=(NotPermitted, NotFound, InvalidInput),
        answer=examples.DRAFTS,
    )
    def get(self, request: Request) -> Response:
        rows = invoices_visible_to(caller(request)).filter(kind=InvoiceKind.INVOICE, state__in=_states(request))
        if customer_id := request.query_params.get("customerId"):
            rows = rows.filter(customer=guid(customer_id, "customer"))
        page, uri = page_of(rows, request, "/invoices/drafts", key="drafted_at"), "/invoices/drafts"
        shown, total = map(draft_shapes.draft, page.rows), total_of(page, rows)
        return Response(collection(shown, uri, total=total, following=page.following, preceding=page.preceding))


class DraftById(OwnResource):
    @operation(
        "getInvoiceDraft",
        "One draft",
        DraftShown,
        about="By its `id`, also when it was finalized or dropped since.",
        roles=READERS,
        refusals=READING,
        answer=examples.DRAFT,
    )
    def get(self, request: Request, draft_id: str) -> Response:
        return Response(draft_shapes.draft(_draft(caller(request), draft_id)))


class DraftLines(OwnResource):
    @operation(
        "listInvoiceDraftLineItems",
        "The lines of a draft",
        Collection[LineItem],
        parameters=LINES_PAGED,
        about="As those of an invoice.",
        roles=READERS,
        refusals=(*READING, InvalidInput),
        answer=examples.DRAFT_LINES,
    )
    def get(self, request: Request, draft_id: str) -> Response:
        found = _draft(caller(request), draft_id)
        lines, uri = found.lines.all(), f"/invoices/drafts/{found.pk}/lineitems"
        page = page_of(lines, request, uri, key="position", default=LARGEST_PAGE, largest=LARGEST_PAGE)
        return collected(page, (row.charge_id for row in page.rows), lines.count(), uri)


class HoldDraft(OwnResource):
    @operation(
        "holdInvoiceDraft",
        "Keep it from being finalized",
        DraftShown,
        body=InvoiceReasonBody,
        about="Its review does not end until it is released.",
        roles=KEEPERS,
        refusals=ACTING,
        example=examples.REASON,
        answer=examples.HELD,
    )
    @idempotent
    def post(self, request: Request, draft_id: str) -> Response:
        return _done(request, draft_id, lambda who, pk, why, at: services.hold(who, pk, reason=why, at=at))


class ReleaseDraft(OwnResource):
    @operation(
        "releaseInvoiceDraft",
        "Let a held draft be finalized",
        DraftShown,
        about="When its review is over.",
        roles=KEEPERS,
        refusals=ACTING,
        answer=examples.DRAFT,
    )
    @idempotent
    def post(self, request: Request, draft_id: str) -> Response:
        return _done(request, draft_id, lambda who, pk, why, at: services.release(who, pk, at=at), body=None)


class FinalizeDraft(OwnResource):
    @operation(
        "finalizeInvoiceDraft",
        "Finalize it without waiting for the end of its review",
        InvoiceShown,
        about="Held or not. It gets its number and never changes again; what is wrong then is credited.",
        roles=KEEPERS,
        refusals=(*ACTING, TaxMoved, ExchangeRateMissing),
        answer=examples.FINALIZED,
    )
    @idempotent
    def post(self, request: Request, draft_id: str) -> Response:
        actor, at = caller(request), now()
        authorize(actor, Action.INVOICE_MANAGE)
        services.approve(actor, _draft(actor, draft_id).pk, at=at)
        number = _draft(actor, draft_id).number or ""
        return Response(shapes.invoice(issued_for(actor, number), at.astimezone(UTC).date()))


class DropDraft(OwnResource):
    @operation(
        "dropInvoiceDraft",
        "Drop it",
        DraftShown,
        body=InvoiceReasonBody,
        about="Its charges stand on no invoice any more; they go to the customer's next one.",
        roles=KEEPERS,
        refusals=ACTING,
        example=examples.REASON,
        answer=examples.DROPPED,
    )
    @idempotent
    def post(self, request: Request, draft_id: str) -> Response:
        return _done(request, draft_id, lambda who, pk, why, at: services.void(who, pk, reason=why, at=at))


class RedoDraft(OwnResource):
    @operation(
        "redraftInvoice",
        "Drop it and draft its month anew",
        DraftShown,
        body=InvoiceReasonBody,
        about="By the profiles of customer and seller as they are now. Answers the new draft.",
        roles=KEEPERS,
        refusals=(*ACTING, SellerIncomplete, TaxRateMissing),
        example=examples.REASON,
        answer=examples.DRAFT,
    )
    @idempotent
    def post(self, request: Request, draft_id: str) -> Response:
        return _done(request, draft_id, lambda who, pk, why, at: services.redraft(who, pk, reason=why, at=at))


class Credit(OwnResource):
    @operation(
        "creditInvoice",
        "Credit it, whole or some of its lines",
        InvoiceShown,
        status=201,
        body=CreditBody,
        about=(
            "A credit note takes back what is left of the lines, with its tax, at once and for good. `lines` are "
            "positions; without them all that is left of the invoice. Answers the credit note."
        ),
        roles=KEEPERS,
        refusals=(*ACTING, NothingToCredit, CreditBeyondInvoice, ExchangeRateMissing, LedgerBehind),
        example=examples.CREDIT,
        answer=examples.CREDITED,
    )
    @idempotent
    def post(self, request: Request, invoice_id: str) -> Response:
        actor, at = caller(request), now()
        authorize(actor, Action.INVOICE_MANAGE)
        found = issued_for(actor, invoice_id)
        values = checked(CreditBody(data=body_of(request)))
        lines, reason = values.get("lines"), values["reason"].strip()
        note = crediting.credit(actor, found.pk, positions=lines, reason=reason, at=at)
        return Response(shapes.invoice(issued_for(actor, note.number or ""), at.astimezone(UTC).date()), 201)


def _done(
    request: Request, draft_id: str, act: Do, body: type[serializers.Serializer[Any]] | None = InvoiceReasonBody
) -> Response:
    actor = caller(request)
    authorize(actor, Action.INVOICE_MANAGE)
    found = _draft(actor, draft_id)
    reason = checked(body(data=body_of(request)))["reason"].strip() if body else ""
    return Response(draft_shapes.draft(act(actor, found.pk, reason, now())))


def _draft(actor: Actor, draft_id: str) -> Invoice:
    """An invoice of any status by its id; credit notes have none that counts. Raises NotFound, NotPermitted."""
    found = invoice_for(actor, guid(draft_id, "invoice"))
    if found.kind != InvoiceKind.INVOICE:
        raise NotFound(what="invoice", id=draft_id)
    return found


def _states(request: Request) -> tuple[InvoiceState, ...]:
    asked = request.query_params.get("status")
    if asked is None:
        return OPEN
    if asked not in OPEN:
        raise InvalidInput(field="status", problem=f"one of {', '.join(OPEN)} is expected")
    return (InvoiceState(asked),)
