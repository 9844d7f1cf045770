"""The lines of invoices, and those that stand on none that is final yet."""

from collections.abc import Iterable
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from billing.api import examples
from billing.api.lines import LineItem, line_items
from billing.api.views import CURRENCY, READERS, currency_of
from billing.issued import issued_for
from billing.uninvoiced import Due, uninvoiced
from partnerhub.api.pages import LARGEST_OFFSET, Page, Row, number_asked, page_of, total_of
from partnerhub.api.schema import SEEK, operation, whole_number
from partnerhub.api.shapes import Collection, collection
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NotFound, NotPermitted

LARGEST_PAGE = 2000
# Whose lines there are, as clients write it without underscores: the hub sells by one provider, and meters nothing.
PROVIDERS = {"onetime": True, "all": True, "marketplace": False, "office": False, "azure": False, "external": False}
LINE_TYPES = {"billinglineitems": True, "usagelineitems": False}
KINDS = {
    "provider": "`onetime` (the default) or `all`; what other providers sell is not sold here: none.",
    "invoicelineitemtype": "`billinglineitems` (the default); of `usagelineitems` there are none.",
}
SIZE = whole_number("size", "How many in a page.", 1, LARGEST_PAGE, default=LARGEST_PAGE)
PAGED = (SIZE, *SEEK)
OFFSET = whole_number("offset", "How many of the invoice's lines to skip.", 0, LARGEST_OFFSET, default=0)
ABOUT = (
    "The rows of the reconciliation file, with its figures. `taxTotal` is cut off line by line; the lines of an "
    "invoice add up to it. Followed by `links.next` with its MS-ContinuationToken."
)
REFUSALS = (NotPermitted, NotFound, InvalidInput)


class LineItems(Resource):
    @operation(
        "listInvoiceLineItems",
        "The lines of an invoice or a credit note",
        Collection[LineItem],
        query=KINDS,
        parameters=(*PAGED, OFFSET),
        about=ABOUT,
        roles=READERS,
        refusals=REFUSALS,
        answer=examples.LINE_ITEMS,
    )
    def get(self, request: Request, invoice_id: str) -> Response:
        asked = request.query_params
        kind = (asked.get("provider", "onetime"), asked.get("invoicelineitemtype", "billinglineitems"))
        return _lines_of(request, invoice_id, kind, f"/invoices/{invoice_id}/lineitems")


class LineItemsByPath(Resource):
    @operation(
        "listInvoiceLineItemsByPath",
        "The lines of an invoice, as older clients ask for them",
        Collection[LineItem],
        parameters=(*PAGED, OFFSET),
        about=ABOUT,
        roles=READERS,
        refusals=REFUSALS,
        answer=examples.LINE_ITEMS_BY_PATH,
    )
    def get(self, request: Request, invoice_id: str, provider: str, line_type: str) -> Response:
        uri = f"/invoices/{invoice_id}/lineitems/{provider}/{line_type}"
        return _lines_of(request, invoice_id, (provider, line_type), uri)


class UnbilledLineItems(Resource):
    @operation(
        "listUnbilledLineItems",
        "The lines that stand on no final invoice yet",
        Collection[LineItem],
        query=KINDS | CURRENCY | {"period": "`current` (the default): of the running month; `previous`: older ones."},
        parameters=PAGED,
        about=f"Lines of drafts are among `previous`. Without `currencyCode` those of every currency. {ABOUT}",
        roles=READERS,
        refusals=(NotPermitted, InvalidInput),
        answer=examples.UNBILLED,
    )
    def get(self, request: Request) -> Response:
        asked, uri = request.query_params, "/invoices/unbilled/lineitems"
        due, currency = _due(asked.get("period", Due.CURRENT)), currency_of(request)
        rows = uninvoiced(caller(request), at=now(), due=due, currency=currency)
        if not _are_ours(asked.get("provider", "onetime"), asked.get("invoicelineitemtype", "billinglineitems")):
            rows = rows.none()
        page = page_of(rows, request, uri, key="recorded_at", default=LARGEST_PAGE, largest=LARGEST_PAGE)
        return collected(page, (row.pk for row in page.rows), total_of(page, rows), uri)


def _lines_of(request: Request, invoice_id: str, kind: tuple[str, str], uri: str) -> Response:
    lines = issued_for(caller(request), invoice_id).lines.all()
    lines = lines if _are_ours(*kind) else lines.none()
    # Positions count from 1 without gaps.
    rest = lines.filter(position__gt=number_asked(request, "offset", 0, 0, LARGEST_OFFSET))
    page = page_of(rest, request, uri, key="position", default=LARGEST_PAGE, largest=LARGEST_PAGE)
    return collected(page, (row.charge_id for row in page.rows), lines.count(), uri)


def collected(page: Page[Row], charge_ids: Iterable[UUID], total: int, uri: str) -> Response:
    """The line items of the charges that stand on a page of rows."""
    shown = line_items(list(charge_ids))
    return Response(collection(shown, uri, total=total, following=page.following, preceding=page.preceding))


def _are_ours(provider: str, line_type: str) -> bool:
    return _word("provider", provider, PROVIDERS) and _word("invoicelineitemtype", line_type, LINE_TYPES)


def _word(field: str, text: str, known: dict[str, bool]) -> bool:
    """What a word means. Raises InvalidInput for none of the dialect's."""
    word = text.lower().replace("_", "")
    if word not in known:
        raise InvalidInput(field=field, problem=f"one of {', '.join(known)} is expected")
    return known[word]


def _due(text: str) -> Due:
    try:
        return Due(text.lower())
    except ValueError:
        raise InvalidInput(field="period", problem="current or previous is expected") from None
