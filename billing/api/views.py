"""Invoices, what is owed, and what the next invoices will hold, read by programs."""

from datetime import UTC
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, who_can
from billing.api import examples, shapes
from billing.api.shapes import EstimateLink, InvoiceShown, InvoiceSummary
from billing.api.signing import LINK_LIVES
from billing.enums import InvoiceKind
from billing.issued import Balance, balances, issued_for, issued_visible_to
from billing.uninvoiced import estimates
from customers.countries import CURRENCIES
from partnerhub.api.pages import LARGEST_OFFSET, LARGEST_SIZE, page_by_offset, total_of
from partnerhub.api.reading import Asked, filter_of
from partnerhub.api.schema import operation, whole_number
from partnerhub.api.shapes import Collection, collection, utc
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NotFound, NotPermitted

READERS = who_can(Action.INVOICE_READ)
OPERATORS = {"equals": "iexact", "starts_with": "istartswith"}
FIELDS = {
    "invoiceid": "number",
    "customerid": "customer",
    "customername": "buyer__name",
    "currencycode": "currency",
    "documenttype": "kind",
}
FILTER = (
    '`{"Field": "InvoiceId" | "CustomerId" | "CustomerName" | "CurrencyCode" | "DocumentType", "Value": "G0000", '
    '"Operator": "equals" | "starts_with"}`; a document type is `invoice` or `credit_note`.'
)
CURRENCY = {"currencyCode": "Three letters, in any case."}


class Invoices(Resource):
    @operation(
        "listInvoices",
        "The finalized invoices, the newest first",
        Collection[InvoiceShown],
        query={"filter": FILTER},
        parameters=(
            whole_number("size", "How many in a page.", 1, LARGEST_SIZE, default=100),
            whole_number("offset", "How many to skip.", 0, LARGEST_OFFSET, default=0),
        ),
        about=(
            "Drafts are not shown. A credit note stands in the `amendments` of its invoice; with a filter for the "
            "document type `credit_note` the list is of those. Each customer has an invoice a month and currency."
        ),
        roles=READERS,
        refusals=(NotPermitted, InvalidInput),
        answer=examples.INVOICES,
    )
    def get(self, request: Request) -> Response:
        asked = filter_of(request, FIELDS, OPERATORS)
        found = issued_visible_to(caller(request)).filter(_wanted(asked))
        page, today = page_by_offset(found, request, "/invoices"), now().astimezone(UTC).date()
        shown = (shapes.invoice(one, today) for one in page.rows)
        total = total_of(page, found)
        return Response(collection(shown, "/invoices", total=total, following=page.following, preceding=page.preceding))


class InvoiceById(Resource):
    @operation(
        "getInvoice",
        "One invoice or credit note",
        InvoiceShown,
        about="By its number. `pdfDownloadLink` opens the document without a bearer token, for 30 minutes.",
        roles=READERS,
        refusals=(NotPermitted, NotFound),
        answer=examples.INVOICE_WITH_LINK,
    )
    def get(self, request: Request, invoice_id: str) -> Response:
        at = now()
        found = issued_for(caller(request), invoice_id)
        shown = shapes.invoice(found, at.astimezone(UTC).date())
        shown["pdfDownloadLink"] = shapes.download_link(found, at + LINK_LIVES)
        return Response(shown)


class Summary(Resource):
    @operation(
        "getInvoiceSummary",
        "What is owed in one currency",
        InvoiceSummary,
        query=CURRENCY,
        about="Without `currencyCode` that of the seller's country. Nothing is converted.",
        roles=READERS,
        refusals=(NotPermitted, InvalidInput),
        answer=examples.SUMMARY,
    )
    def get(self, request: Request) -> Response:
        currency = currency_of(request) or CURRENCIES.get(settings.HUB_SELLER_COUNTRY, "EUR")
        of_all = {balance.currency: balance for balance in balances(caller(request))}
        return Response(shapes.summary(of_all.get(currency, Balance(currency)), utc(now())))


class Summaries(Resource):
    @operation(
        "listInvoiceSummaries",
        "What is owed, by currency",
        Collection[InvoiceSummary],
        about="One for each currency that was invoiced in.",
        roles=READERS,
        refusals=(NotPermitted,),
        answer=examples.SUMMARIES,
    )
    def get(self, request: Request) -> Response:
        at = utc(now())
        shown = (shapes.summary(balance, at) for balance in balances(caller(request)))
        return Response(collection(shown, "/invoices/summaries"))


class EstimateLinks(Resource):
    @operation(
        "listEstimateLinks",
        "What the next invoices will hold",
        Collection[EstimateLink],
        query=CURRENCY,
        about=(
            "Links to the unbilled lines, with their sums: of the running month, and of months that are over but whose "
            "invoices are not final yet. Without `currencyCode` of every currency."
        ),
        roles=READERS,
        refusals=(NotPermitted, InvalidInput),
        answer=examples.ESTIMATES,
    )
    def get(self, request: Request) -> Response:
        found = estimates(caller(request), at=now(), currency=currency_of(request))
        return Response(collection(map(shapes.estimate, found), "/invoices/estimates/links"))


def currency_of(request: Request) -> str | None:
    """The currency that is asked for, if any; the parameter's name in any case. Raises InvalidInput."""
    names = [name for name in request.query_params if name.lower() == "currencycode"]
    if not names:
        return None
    given = request.query_params[names[0]]
    if not (given.isascii() and given.isalpha() and len(given) == 3):
        raise InvalidInput(field="currencyCode", problem="three letters are expected")
    return given.upper()


def _wanted(asked: Asked | None) -> Q:
    """Invoices alone, unless credit notes are asked for by their kind or their numbers."""
    if asked is None or asked.field not in ("documenttype", "invoiceid"):
        invoices = Q(kind=InvoiceKind.INVOICE)
        return invoices & _narrowed(asked) if asked else invoices
    return _narrowed(asked)


def _narrowed(asked: Asked) -> Q:
    if asked.field == "customerid":
        return Q(customer=_customer(asked.value))
    return Q(**{f"{FIELDS[asked.field]}__{OPERATORS[asked.operator]}": asked.value})


def _customer(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(field="filter", problem="a CustomerId is a GUID") from None
