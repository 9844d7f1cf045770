"""What is owed: the charges that stand on no invoice yet, as lines with their tax.

One query prices them all: a preview reads it, the run writes what it finds. So there is no second rule.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.enums import InvoiceKind, InvoiceState
from billing.models import Charge, Invoice, InvoiceLine, TaxRate
from billing.periods import Month
from billing.seller import party, seller_profile
from billing.tax import Party, Taxed, treatment
from customers.models import Customer
from partnerhub import bulk
from partnerhub.errors import HubError, TaxRateMissing
from partnerhub.money import DEFAULT_MINOR_DIGITS, MINOR_DIGITS

# The tax of a line is cut off at the currency's smallest unit (rule 75b; `tax_on` says the same). A credit takes back
# the tax that its charge was asked for, and a charge that is drafted anew keeps the tax of a credit that is final.
# Places are those of code points, whatever language the database sorts in. The series adds nothing but an estimate:
# where most charges are billed, PostgreSQL would expect a single one, and compare each line to each invoice. OFFSET 0
# keeps it from reading lines before it knows of a credit.
_LINES = """
WITH sale AS (
SELECT * FROM unnest(%s::uuid[], %s::numeric[], %s::text[]) AS sale (customer_id, rate, reason)
), unit AS (
SELECT * FROM unnest(%s::text[], %s::int[]) AS unit (currency, digits)
), due (id, customer_id, subscription_id, reverses_id, price_id, sequence, currency, amount, nickname) AS MATERIALIZED (
{due} UNION ALL SELECT {nothing} FROM generate_series(1, 3000) AS none WHERE none < 0
), taxed AS MATERIALIZED (
SELECT due.*, known.rate, known.reason, trunc(due.amount * known.rate * 0.01, coalesce(unit.digits, %s)) AS tax
  FROM due
  JOIN sale USING (customer_id)
  LEFT JOIN unit USING (currency)
  LEFT JOIN LATERAL (
       SELECT tax_rate, tax_reason FROM billing_invoiceline
        WHERE charge_id = due.reverses_id AND stands LIMIT 1) AS credited ON true
  LEFT JOIN LATERAL (
       SELECT line.tax_rate, line.tax_reason
         FROM (SELECT id FROM billing_charge WHERE reverses_id = coalesce(due.reverses_id, due.id) OFFSET 0) AS credit
        CROSS JOIN LATERAL (SELECT * FROM billing_invoiceline WHERE charge_id = credit.id AND stands OFFSET 0) AS line
        WHERE (SELECT state FROM billing_invoice WHERE id = line.invoice_id) = '{finalized}' LIMIT 1) AS final ON true
 CROSS JOIN LATERAL (
       SELECT coalesce(credited.tax_rate, final.tax_rate, sale.rate) AS rate,
              coalesce(credited.tax_reason, final.tax_reason, sale.reason) AS reason) AS known
), draft AS MATERIALIZED (
SELECT gen_random_uuid() AS id, customer_id, currency, sum(amount) AS net, sum(tax) AS tax, count(*) AS lines
  FROM taxed GROUP BY customer_id, currency HAVING bool_or(amount <> 0)
), sold AS MATERIALIZED (
SELECT price.id AS price_id, publisher.name AS publisher, offer.title AS offer,
       jsonb_build_object('publisher', publisher.name, 'offer', offer.title, 'plan', plan.title, 'term', term.term,
                          'billing_cycle', term.billing_cycle) AS names
  FROM publishers_price price
  JOIN publishers_planterm term ON term.id = price.plan_term_id
  JOIN publishers_plan plan ON plan.id = term.plan_id
  JOIN publishers_offer offer ON offer.id = plan.offer_id
  JOIN publishers_publisher publisher ON publisher.id = offer.publisher_id
 WHERE price.id IN (SELECT price_id FROM due)
), line AS (
SELECT draft.id AS invoice_id, taxed.*, sold.names,
       row_number() OVER (PARTITION BY draft.id ORDER BY sold.publisher COLLATE "C", sold.offer COLLATE "C",
                          taxed.nickname COLLATE "C", taxed.subscription_id, taxed.sequence) AS position
  FROM taxed
  JOIN draft USING (customer_id, currency)
  JOIN sold USING (price_id)
)
"""
_SHOWN = """
SELECT customer_id, currency, subscription_id, amount, tax, names, nickname
  FROM line ORDER BY customer_id, currency COLLATE "C", position
"""


def whole_ledger() -> AbstractContextManager[None]:
    """Whatever is asked in it about all charges goes over each table once."""
    return _without("nestloop")


@contextmanager
def _without(plan: str) -> Iterator[None]:
    """Keep PostgreSQL from planning by what it believes of tables that were empty a moment ago: it would compare each
    charge to each line, and go on while another worker writes lines.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_{plan} = off")
        yield
        cursor.execute(f"SET LOCAL enable_{plan} = on")


class DraftLine(NamedTuple):
    """A charge with its tax, as it will stand on the invoice. `names`: publisher, offer, plan, term, billing cycle and
    nickname.
    """

    subscription_id: UUID
    net: Decimal
    tax: Decimal
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """What one customer owes in one currency."""

    customer_id: UUID
    currency: str
    lines: list[DraftLine] = field(default_factory=list)

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


@dataclass(frozen=True, slots=True)
class Owed:
    """What some customers owe for a month, before it is read: how each is taxed to whom it can be drafted, and who
    cannot be.
    """

    due: QuerySet[Charge]
    seller: dict[str, str]
    taxed: dict[Customer, Taxed]
    failures: list[Failure]

    def ask(self, statement: str, given: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement about `draft` (a row for each customer and currency) and `line`."""
        if not self.taxed:
            return []
        rows = self.due.filter(customer__in=list(self.taxed)).values_list(*_DUE)
        due, about = rows.query.sql_with_params()
        tables = _LINES.format(due=due, finalized=InvoiceState.FINALIZED.value, nothing=", ".join(["NULL"] * len(_DUE)))
        with _without("seqscan"), connection.cursor() as cursor:
            cursor.execute(tables + statement, [*self._rules(), *about, DEFAULT_MINOR_DIGITS, *given])
            return list(cursor.fetchall())

    def _rules(self) -> Iterator[str]:
        yield bulk.array(customer.pk for customer in self.taxed)
        yield bulk.array(taxed.rate for taxed in self.taxed.values())
        yield bulk.array(taxed.reason for taxed in self.taxed.values())
        yield bulk.array(MINOR_DIGITS)
        yield bulk.array(MINOR_DIGITS.values())


_DUE = (
    "id", "customer_id", "subscription_id", "reverses_id", "price_id", "sequence", "currency", "amount",
    "subscription__nickname",
)  # fmt: skip


@dataclass(slots=True)
class Drafted:
    """What would come of drafting some customers."""

    drafts: list[Draft]
    failures: list[Failure]


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
    owed = to_draft(month).exclude(amount=0)
    return owed.order_by("customer_id").values_list("customer_id", flat=True).distinct()


def owed(customers: Sequence[Customer], month: Month, currency: str | None = None) -> Owed:
    """What these customers owe for a month, and late charges from before it (`currency`: only in that one, though an
    invoice of it was dropped). Raises SellerIncomplete; a customer that cannot be drafted is among the failures.
    """
    due = unbilled(month.begins_next).filter(currency=currency) if currency else to_draft(month)
    seller = seller_profile()
    book = _TaxBook(party(seller), month.end - timedelta(days=1))
    taxed: dict[Customer, Taxed] = {}
    refused: dict[UUID, HubError] = {}
    for customer in customers:
        try:
            taxed[customer] = book.taxed(Party(customer.country, customer.vat_id))
        except TaxRateMissing as refusal:
            # Kept until the run ends: its traceback would keep all these customers with it.
            refused[customer.pk] = refusal.with_traceback(None)
    owing = set(due.filter(customer__in=refused).exclude(amount=0).values_list("customer_id", flat=True))
    return Owed(due, seller, taxed, [Failure(pk, refusal) for pk, refusal in refused.items() if pk in owing])


def draft(customers: Sequence[Customer], month: Month) -> Drafted:
    """What would be drafted for these customers now, one draft a customer and currency. Raises as `owed` does."""
    found = owed(customers, month)
    drafts: dict[tuple[UUID, str], Draft] = {}
    for customer_id, currency, subscription_id, net, tax, names, nickname in found.ask(_SHOWN):
        one = drafts.setdefault((customer_id, currency), Draft(customer_id, currency))
        one.lines.append(DraftLine(subscription_id, net, tax, json.loads(names) | {"nickname": nickname}))
    return Drafted(list(drafts.values()), found.failures)


def taxed_in(customer: Customer, month: Month) -> Taxed:
    """How what is charged to a customer in a month is taxed, as far as is known. Raises SellerIncomplete,
    TaxRateMissing.
    """
    book = _TaxBook(party(seller_profile()), month.end - timedelta(days=1))
    return book.taxed(Party(customer.country, customer.vat_id))


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
