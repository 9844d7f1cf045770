"""What is owed: the charges that stand on no invoice yet, as lines with their tax. It only reads: a preview is it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from billing.enums import InvoiceKind, InvoiceState, TaxReason
from billing.models import Charge, Invoice, InvoiceLine, TaxRate
from billing.periods import Month
from billing.seller import party, seller_profile
from billing.tax import Party, Taxed, tax_on, treatment
from customers.models import Customer
from partnerhub.errors import HubError, TaxRateMissing
from publishers.models import Price


class Sold:
    """What is sold at a price, by the `names` that stand on a line: publisher, offer, plan, term, billing cycle."""

    __slots__ = ("_begun", "names", "place")

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.place = names["publisher"], names["offer"]
        self._begun = json.dumps(names).removesuffix("}")

    def described(self, nickname: str) -> str:
        """The names with a subscription's nickname, as JSON. Thousands of lines have all but the nickname in common."""
        return f'{self._begun}, "nickname": {json.dumps(nickname)}}}'


class DraftLine(NamedTuple):
    """A charge with its tax, as it will stand on the invoice."""

    charge_id: str
    subscription_id: str
    net: Decimal
    taxed: Taxed
    tax: Decimal
    sold: Sold
    nickname: str

    @property
    def names(self) -> dict[str, str]:
        """Publisher, offer, plan, term, billing cycle and nickname."""
        return {**self.sold.names, "nickname": self.nickname}


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
    rows = _owed([customer.pk for customer in customers], month, currency)
    known = _Known(seller, book, _taxed_before(rows), _sold({row.price_id for row in rows}))
    owed: dict[str, dict[str, list[_Owed]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        owed[row.customer_id][row.currency].append(row)
    found = Drafted()
    for customer in customers:
        try:
            found.drafts.extend(_drafts(customer, month, owed[str(customer.pk)], known))
        except HubError as error:
            found.failures.append(Failure(customer.pk, error))
    return found


class _Owed(NamedTuple):
    """A charge to be drafted. `is_credited`: another one takes it back, wholly or in part.

    Ids are text, which is what becomes of them: there are tens of thousands at once.
    """

    id: str
    customer_id: str
    subscription_id: str
    reverses_id: str | None
    price_id: str
    sequence: int
    currency: str
    amount: Decimal
    nickname: str
    is_credited: bool


def _owed(customer_ids: list[UUID], month: Month, currency: str | None) -> list[_Owed]:
    charges = unbilled(month.begins_next).filter(currency=currency) if currency else to_draft(month)
    credited = Exists(Charge.objects.filter(reverses=OuterRef("pk")))
    ids = (Cast(name, TextField()) for name in _IDS)
    rows = charges.filter(customer_id__in=customer_ids).values_list(
        *ids, "sequence", "currency", "amount", "subscription__nickname", credited
    )
    return list(map(_Owed._make, rows))


_IDS = ("id", "customer_id", "subscription_id", "reverses_id", "price_id")
_NAMES = {
    "publisher": "plan_term__plan__offer__publisher__name",
    "offer": "plan_term__plan__offer__title",
    "plan": "plan_term__plan__title",
    "term": "plan_term__term",
    "billing_cycle": "plan_term__billing_cycle",
}


def _sold(price_ids: set[str]) -> dict[str, Sold]:
    """What is sold at each price."""
    rows = Price.objects.filter(pk__in=price_ids).values_list("pk", *_NAMES.values())
    return {str(price_id): Sold(dict(zip(_NAMES, names, strict=True))) for price_id, *names in rows}


def taxed_in(customer: Customer, month: Month) -> Taxed:
    """How what is charged to a customer in a month is taxed, as far as is known. Raises SellerIncomplete,
    TaxRateMissing.
    """
    book = _TaxBook(party(seller_profile()), month.end - timedelta(days=1))
    return book.taxed(Party(customer.country, customer.vat_id))


@dataclass(frozen=True, slots=True)
class _Known:
    """What drafting some customers asks, read once for all of them."""

    seller: dict[str, str]
    book: "_TaxBook"
    credited: dict[str, Taxed]
    sold: dict[str, Sold]


def _drafts(customer: Customer, month: Month, by_currency: dict[str, list[_Owed]], known: _Known) -> Iterator[Draft]:
    for currency, rows in sorted(by_currency.items()):
        if all(row.amount == 0 for row in rows):
            continue
        today = known.book.taxed(Party(customer.country, customer.vat_id))
        yield Draft(customer, currency, month, known.seller, list(_lines(rows, today, known)))


def _lines(rows: list[_Owed], today: Taxed, known: _Known) -> Iterator[DraftLine]:
    # No two places are equal, so sorting never comes to what stands behind them.
    placed = [
        (*(sold := known.sold[row.price_id]).place, row.nickname, row.subscription_id, row.sequence, sold, row)
        for row in rows
    ]
    for *_place, sold, row in sorted(placed):
        taxed = known.credited.get(row.reverses_id or row.id, today) if known.credited else today
        tax = tax_on(row.amount, taxed.rate, row.currency)
        yield DraftLine(row.id, row.subscription_id, row.amount, taxed, tax, sold, row.nickname)


def _taxed_before(rows: Iterable[_Owed]) -> dict[str, Taxed]:
    """How charges, by id, were taxed that are credited now, or whose credit is final already: a credit takes back the
    tax that is asked for.
    """
    credits: list[UUID] = []
    credited: list[UUID] = []
    for row in rows:
        if row.is_credited:
            credits.append(UUID(row.id))
        if row.reverses_id:
            credited.append(UUID(row.reverses_id))
    standing = InvoiceLine.objects.filter(stands=True)
    final = standing.filter(charge__reverses__in=credits, invoice__state=InvoiceState.FINALIZED)
    taxed = (
        *final.values_list("charge__reverses_id", "tax_rate", "tax_reason"),
        *standing.filter(charge__in=credited).values_list("charge_id", "tax_rate", "tax_reason"),
    )
    return {str(charge_id): Taxed(rate, TaxReason(reason)) for charge_id, rate, reason in taxed if charge_id}


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
