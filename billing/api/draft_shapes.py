"""Drafts, billing runs and publishers' statements: our own resources about money, as programs read them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NotRequired, TypedDict

from billing.enums import InvoiceState
from billing.invoicing import Billed, Total
from billing.models import BillingRun, Invoice, Statement
from partnerhub.api.errors import number_of_code
from partnerhub.api.shapes import Attributes, Guid, Link, SelfLinks, Utc, link, midnight, utc, utc_or_none
from partnerhub.errors import HubError

MOST_FAILURES = 100


class DraftLinks(TypedDict):
    self: Link
    lineItems: Link


class DraftShown(TypedDict):
    """What a customer will be invoiced with. `status` is `draft`, `held` or `void` (dropped), and `finalized` once it
    has its `invoiceNumber`. A draft is finalized after `reviewUntil`, a held one never by itself.
    """

    id: Guid
    status: str
    customerId: Guid
    customerName: str
    billingPeriodStartDate: Utc
    billingPeriodEndDate: Utc
    currencyCode: str
    totalCharges: float
    totalNet: float
    totalTax: float
    draftedAt: Utc
    reviewUntil: Utc
    invoiceNumber: NotRequired[str]
    links: DraftLinks
    attributes: Attributes


class BillingFailure(TypedDict):
    """A customer or a draft (the other is null) that could not be billed, with the refusal that kept it."""

    customerId: Guid | None
    draftId: Guid | None
    code: int
    reason: str
    description: str


class BillingRunShown(TypedDict):
    """The drafting of one calendar month. `status` is `running` until every customer is drafted, then `finished`.

    `failures` are the first hundred customers of `failed` who could not be drafted; they are tried again.
    """

    month: str
    status: str
    startedAt: Utc
    finishedAt: Utc | None
    invoices: int
    lines: int
    failed: int
    failures: list[BillingFailure]
    links: SelfLinks
    attributes: Attributes


class BilledTotal(TypedDict):
    currencyCode: str
    invoices: int
    totalNet: float
    totalTax: float
    totalCharges: float


class BilledShown(TypedDict):
    """What billing did or, in a preview, would do: new drafts by currency, and how many drafts were finalized."""

    months: list[str]
    drafted: list[BilledTotal]
    finalized: int
    failed: int
    failures: list[BillingFailure]
    attributes: Attributes


class StatementShown(TypedDict):
    """A publisher's statement, by the publisher's own `statementId`."""

    id: Guid
    publisherId: Guid
    statementId: str
    importedAt: Utc
    importedBy: str
    links: DraftLinks
    attributes: Attributes


class MissingThere(TypedDict):
    """Charged in a month, and not on the publisher's statement of it."""

    subscriptionId: Guid
    period: str
    ourAmount: float
    ourCurrencyCode: str


class StatementCompared(StatementShown):
    """With how it differs from what was charged: its lines counted by `difference`, and what is missing on it."""

    differences: dict[str, int]
    missingThere: list[MissingThere]


class StatementImported(StatementShown):
    """With what the import did: lines that are new, changed, as before, and gone."""

    added: int
    changed: int
    same: int
    gone: int


class StatementLineShown(TypedDict):
    """A line as it stands on the statement, and what was charged for its subscription in its month (`our…`).

    `difference` is agrees, amount_differs, quantity_differs, currency_differs, nothing_charged or unknown_subscription.
    """

    number: int
    subscriptionId: str
    period: str
    quantity: int
    amount: float
    currencyCode: str
    ourQuantity: int | None
    ourAmount: float | None
    ourCurrencyCode: str | None
    difference: str


def draft(found: Invoice) -> DraftShown:
    """A draft, by its id; what was finalized or dropped since, too."""
    uri = f"/invoices/drafts/{found.pk}"
    shown = DraftShown(
        id=str(found.pk),
        status=InvoiceState(found.state).value,
        customerId=str(found.customer_id),
        customerName=found.buyer["name"],
        billingPeriodStartDate=midnight(found.period_start),
        billingPeriodEndDate=midnight(found.period_end - timedelta(days=1)),
        currencyCode=found.currency,
        totalCharges=float(found.gross),
        totalNet=float(found.net),
        totalTax=float(found.tax),
        draftedAt=utc(found.drafted_at),
        reviewUntil=utc(found.review_until),
        links=DraftLinks(self=link(uri), lineItems=link(f"{uri}/lineitems")),
        attributes=Attributes(objectType="InvoiceDraft"),
    )
    if found.number:
        shown["invoiceNumber"] = found.number
    return shown


def run(found: BillingRun) -> BillingRunShown:
    return BillingRunShown(
        month=str(found),
        status="running" if found.finished_at is None else "finished",
        startedAt=utc(found.started_at),
        finishedAt=utc_or_none(found.finished_at),
        invoices=found.invoices,
        lines=found.lines,
        failed=len(found.failures),
        failures=_failures(found.failures),
        links=SelfLinks(self=link(f"/billingruns/{found}")),
        attributes=Attributes(objectType="BillingRun"),
    )


def billed(done: Billed) -> BilledShown:
    failures = [failure for one in done.runs for failure in one.failures]
    refused = [_refused(str(draft_id), refusal) for draft_id, refusal in done.refused.items()]
    return BilledShown(
        months=[str(one) for one in done.runs],
        drafted=[_total(currency, total) for currency, total in done.added.items()],
        finalized=done.finalized,
        failed=len(failures) + len(refused),
        failures=[*_failures(failures), *refused][:MOST_FAILURES],
        attributes=Attributes(objectType="Billed"),
    )


def _total(currency: str, total: Total) -> BilledTotal:
    return BilledTotal(
        currencyCode=currency,
        invoices=total.invoices,
        totalNet=float(total.net),
        totalTax=float(total.tax),
        totalCharges=float(total.gross),
    )


def _failures(found: Iterable[dict[str, Any]]) -> list[BillingFailure]:
    """Of a run, which keeps the sentence as it was said then."""
    return [
        BillingFailure(
            customerId=one["customer"],
            draftId=None,
            code=number_of_code(one["error"]),
            reason=one["error"],
            description=one["why"],
        )
        for one in list(found)[:MOST_FAILURES]
    ]


def _refused(draft_id: str, refusal: HubError) -> BillingFailure:
    return BillingFailure(
        customerId=None,
        draftId=draft_id,
        code=number_of_code(refusal.code),
        reason=refusal.code,
        description=str(refusal),
    )


def statement(found: Statement) -> StatementShown:
    uri = f"/statements/{found.pk}"
    return StatementShown(
        id=str(found.pk),
        publisherId=str(found.publisher_id),
        statementId=found.statement_id,
        importedAt=utc(found.imported_at),
        importedBy=found.imported_by,
        links=DraftLinks(self=link(uri), lineItems=link(f"{uri}/lineitems")),
        attributes=Attributes(objectType="Statement"),
    )


def statement_line(line: Any) -> StatementLineShown:
    """A line of `compared`."""
    return StatementLineShown(
        number=line.number,
        subscriptionId=line.named,
        period=f"{line.month:%Y-%m}",
        quantity=line.quantity,
        amount=float(line.amount),
        currencyCode=line.currency,
        ourQuantity=line.our_quantity,
        ourAmount=None if line.ours is None else float(line.ours),
        ourCurrencyCode=line.our_currency or None,
        difference=line.difference,
    )


def missing(row: dict[str, Any]) -> MissingThere:
    """A row of `missing_there`."""
    return MissingThere(
        subscriptionId=str(row["subscription_id"]),
        period=f"{row['month']:%Y-%m}",
        ourAmount=float(row["ours"]),
        ourCurrencyCode=row["currency"],
    )
