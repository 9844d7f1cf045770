"""What is owed: the charges that stand on no invoice yet, as lines with their tax. It only reads: a preview is it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.enums import InvoiceKind, InvoiceState, TaxReason
from billing.models import Charge, Invoice, InvoiceLine, TaxRate
from billing.periods import Month
from billing.seller import party, seller_profile
from billing.tax import Party, Taxed, tax_on, treatment
from customers.models import Customer
from partnerhub.errors import HubError, TaxRateMissing


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A charge with its tax, as it will stand on the invoice. `names`: publisher, offer, plan, term and so on."""

    charge_id: UUID
    subscription_id: UUID
    net: Decimal
    taxed: Taxed
    tax: Decimal
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """What one customer owes in one currency for a month."""

    customer: Customer
    currency: str
    month: Month
    seller: dict[str, str]
    lines: list[DraftLine]

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines), Decimal(0))

    @property
    def gross(self) -> Decimal:
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class Failure:
    """A customer that cannot be drafted, and why; all others can."""

    customer_id: UUID
    refusal: HubError

    def as_json(self) -> dict[str, Any]:
        told = {"error": self.refusal.code, "values": self.refusal.values, "why": str(self.refusal)}
        return {"customer": str(self.customer_id), **told}


@dataclass(slots=True)
class Drafted:
    """What came of drafting some customers."""

    drafts: list[Draft] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return sum(len(draft.lines) for draft in self.drafts)


def unbilled(before: datetime) -> QuerySet[Charge]:
    """The charges recorded before a moment that stand on no invoice."""
    standing = InvoiceLine.objects.filter(charge=OuterRef("pk"), stands=True)
    return Charge.objects.filter(~Exists(standing), recorded_at__lt=before)


def to_draft(month: Month) -> QuerySet[Charge]:
    """The charges that a month's run drafts: not those of who has, or had, an invoice of that month and currency. What
    is late or was dropped there stands on the next month's.
    """
    drafted = Invoice.objects.filter(
        kind=InvoiceKind.INVOICE,
        period_start=month.start,
        customer=OuterRef("customer"),
        currency=OuterRef("currency"),
    )
    return unbilled(month.begins_next).filter(~Exists(drafted))


def customers_to_draft(month: Month) -> QuerySet[Charge, UUID]:
    """The customers, by id, that owe (or are owed) something for a month or from before it.

    Who has only lines at nothing (a trial) gets no invoice; they stand on the first one that has anything to say.
    """
    owed = to_draft(month).filter(~Q(amount=0))
    return owed.order_by("customer_id").values_list("customer_id", flat=True).distinct()


def draft(customers: Sequence[Customer], month: Month, currency: str | None = None) -> Drafted:
    """What these customers owe for a month, and late charges from before it, one draft a customer and currency
    (`currency`: only that one, though one was dropped). Raises SellerIncomplete; a customer that cannot be drafted is
    among the failures.
    """
    seller = seller_profile()
    book = _TaxBook(party(seller), month.end - timedelta(days=1))
    found = Drafted()
    owed = _owed([customer.pk for customer in customers], month, currency)
    credited = _taxed_before([row for by_currency in owed.values() for rows in by_currency.values() for row in rows])
    for customer in customers:
        try:
            found.drafts.extend(_drafts(customer, month, seller, owed[customer.pk], book, credited))
        except HubError as error:
            found.failures.append(Failure(customer.pk, error))
    return found


Row = dict[str, Any]
_COLUMNS = {
    "publisher": "price__plan_term__plan__offer__publisher__name",
    "offer": "price__plan_term__plan__offer__title",
    "plan": "price__plan_term__plan__title",
    "term": "price__plan_term__term",
    "billing_cycle": "price__plan_term__billing_cycle",
    "nickname": "subscription__nickname",
}
_NAMES = tuple(_COLUMNS)


def _owed(customer_ids: list[UUID], month: Month, currency: str | None) -> dict[UUID, dict[str, list[Row]]]:
    charges = unbilled(month.begins_next).filter(currency=currency) if currency else to_draft(month)
    wanted = ("id", "customer_id", "subscription_id", "sequence", "currency", "amount", "reverses_id")
    owed: dict[UUID, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in charges.filter(customer_id__in=customer_ids).values(*wanted, *_COLUMNS.values()):
        owed[row["customer_id"]][row["currency"]].append(row)
    return owed


def taxed_in(customer: Customer, month: Month) -> Taxed:
    """How what is charged to a customer in a month is taxed, as far as is known. Raises SellerIncomplete,
    TaxRateMissing.
    """
    book = _TaxBook(party(seller_profile()), month.end - timedelta(days=1))
    return book.taxed(Party(customer.country, customer.vat_id))


def _drafts(
    customer: Customer,
    month: Month,
    seller: dict[str, str],
    by_currency: dict[str, list[Row]],
    book: "_TaxBook",
    credited: dict[UUID, Taxed],
) -> Iterator[Draft]:
    for currency, rows in sorted(by_currency.items()):
        if all(row["amount"] == 0 for row in rows):
            continue
        today = book.taxed(Party(customer.country, customer.vat_id))
        lines = [_line(row, credited.get(row["reverses_id"] or row["id"], today)) for row in sorted(rows, key=_order)]
        yield Draft(customer, currency, month, seller, lines)


def _order(row: Row) -> tuple[Any, ...]:
    names = ("publisher", "offer", "nickname")
    return (*(row[_COLUMNS[name]] for name in names), str(row["subscription_id"]), row["sequence"])


def _line(row: Row, taxed: Taxed) -> DraftLine:
    names = {name: row[_COLUMNS[name]] for name in _NAMES}
    tax = tax_on(row["amount"], taxed.rate, row["currency"])
    return DraftLine(row["id"], row["subscription_id"], row["amount"], taxed, tax, names)


def _taxed_before(rows: Sequence[Row]) -> dict[UUID, Taxed]:
    """How charges, by id, were taxed that are credited now, or whose credit is final already: a credit takes back the
    tax that is asked for.
    """
    standing = InvoiceLine.objects.filter(stands=True)
    credits = standing.filter(charge__reverses__in=[row["id"] for row in rows], invoice__state=InvoiceState.FINALIZED)
    credited = standing.filter(charge__in=[row["reverses_id"] for row in rows if row["reverses_id"]])
    taxed = (
        *credits.values_list("charge__reverses_id", "tax_rate", "tax_reason"),
        *credited.values_list("charge_id", "tax_rate", "tax_reason"),
    )
    return {charge_id: Taxed(rate, TaxReason(reason)) for charge_id, rate, reason in taxed if charge_id}


class _TaxBook:
    """The rates of one day, read once."""

    def __init__(self, seller: Party, on: date) -> None:
        self._seller, self._on = seller, on
        valid = TaxRate.objects.filter(Q(valid_to=None) | Q(valid_to__gt=on), valid_from__lte=on)
        self._rates: dict[str, Decimal] = dict(valid.values_list("country", "rate"))

    def taxed(self, buyer: Party) -> Taxed:
        """Raises TaxRateMissing."""
        found = treatment(self._seller, buyer)
        if found.rate_of is None:
            return Taxed(Decimal(0), found.reason)
        if found.rate_of not in self._rates:
            raise TaxRateMissing(country=found.rate_of, day=f"{self._on:%Y-%m-%d}")
        return Taxed(self._rates[found.rate_of], found.reason)
