"""The ways to draft a month that are measured, each in a process of its own: `python -m bench.billing_ways WAY`.

It tells what it did as one line of JSON: when it began, seconds, CPU seconds and peak memory (MB) of its own.
"""

import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

import django

django.setup()

from django.db import connection, transaction  # noqa: E402 - once Django is loaded

from accounts.policy import SYSTEM  # noqa: E402
from bench.charges import BILLED_AT, MONTH  # noqa: E402
from billing.drafting import customers_to_draft, unbilled  # noqa: E402
from billing.invoicing import draft_month  # noqa: E402
from billing.models import Charge, Invoice, InvoiceLine, TaxRate  # noqa: E402
from billing.seller import party, seller_profile  # noqa: E402
from billing.services.invoices import buyer_profile  # noqa: E402
from billing.tax import Party, tax_on, treatment  # noqa: E402
from customers.models import Customer  # noqa: E402

CUSTOMERS_AT_ONCE = 500
_SOLD = "price__plan_term__plan__offer__publisher"

# What the hub writes, as one statement for the invoices and one for their lines; the events are left out.
_OWED = """
CREATE TEMP TABLE owed AS
SELECT c.id, c.customer_id, c.currency, c.amount, s.nickname, publisher.name AS publisher, o.title AS offer,
       p.title AS plan, t.term, t.billing_cycle, coalesce(r.rate, 0) AS rate,
       trunc(c.amount * coalesce(r.rate, 0) / 100, 2) AS tax,
       CASE WHEN r.rate IS NULL THEN 'export' WHEN u.country = 'PL' THEN 'domestic' ELSE 'destination' END AS reason
  FROM billing_charge c
  JOIN subscriptions_subscription s ON s.id = c.subscription_id
  JOIN publishers_price price ON price.id = c.price_id
  JOIN publishers_planterm t ON t.id = price.plan_term_id
  JOIN publishers_plan p ON p.id = t.plan_id
  JOIN publishers_offer o ON o.id = p.offer_id
  JOIN publishers_publisher publisher ON publisher.id = o.publisher_id
  JOIN customers_customer u ON u.id = c.customer_id
  LEFT JOIN billing_taxrate r ON r.country = u.country AND r.valid_from <= '2026-10-31'
        AND (r.valid_to IS NULL OR r.valid_to > '2026-10-31')
 WHERE c.recorded_at < '2026-11-01'
   AND NOT EXISTS (SELECT FROM billing_invoiceline l WHERE l.charge_id = c.id AND l.stands)
"""
_INVOICES = """
INSERT INTO billing_invoice
  (id, kind, customer_id, currency, period_start, period_end, state, net, tax, gross, buyer, seller, language,
   drafted_at, review_until, reason, finalized_by, local_currency, local_rate_source, previous_hash, hash, paid_by,
   payment_reference)
SELECT gen_random_uuid(), 'invoice', u.id, owed.currency, '2026-10-01', '2026-11-01', 'draft', net, tax, net + tax,
       to_jsonb(u), '{"name": "Seller"}', u.language, %(at)s, %(at)s::timestamptz + interval '6 days', '', '', '', '',
       '', '', '', ''
  FROM (SELECT customer_id, currency, sum(amount) AS net, sum(tax) AS tax FROM owed GROUP BY 1, 2) AS owed
  JOIN customers_customer u ON u.id = customer_id
"""
_LINES = """
INSERT INTO billing_invoiceline (invoice_id, position, charge_id, stands, description, net, tax_rate, tax, tax_reason)
SELECT i.id, row_number() OVER (PARTITION BY i.id ORDER BY publisher, offer, nickname), owed.id, true,
       jsonb_build_object('publisher', publisher, 'offer', offer, 'plan', plan, 'term', term, 'billing_cycle',
                          billing_cycle, 'nickname', nickname), amount, rate, owed.tax, owed.reason
  FROM owed JOIN billing_invoice i USING (customer_id, currency)
"""


def hub() -> None:
    """The hub's own run, from the first customer it has not drafted to the last."""
    draft_month(SYSTEM, MONTH, at=BILLED_AT)


@transaction.atomic
def one_statement() -> None:
    """What the database needs by itself for the same rows, indexes, keys and triggers, in one transaction."""
    with connection.cursor() as cursor:
        for statement in (_OWED, _INVOICES, _LINES):
            cursor.execute(statement, {"at": BILLED_AT} if "%(at)s" in statement else None)


def bulk_create() -> None:
    """As it is usually written well: objects, 500 customers at once, `bulk_create`."""
    ids = list(customers_to_draft(MONTH))
    for first in range(0, len(ids), CUSTOMERS_AT_ONCE):
        _create(ids[first : first + CUSTOMERS_AT_ONCE])


@transaction.atomic
def _create(ids: list[UUID]) -> None:
    by_invoice: dict[tuple[Customer, str], list[Charge]] = defaultdict(list)
    charges = unbilled(MONTH.begins_next).filter(customer__in=ids)
    for charge in charges.select_related(_SOLD, "subscription", "customer"):
        by_invoice[charge.customer, charge.currency].append(charge)
    rates = _rates()
    made = [(_invoice(*key), charges) for key, charges in by_invoice.items()]
    lines = [
        _line(invoice, place, one, rates)
        for invoice, charges in made
        for place, one in enumerate(sorted(charges, key=_place), 1)
    ]
    for invoice, _charges in made:
        invoice.gross = invoice.net + invoice.tax
    Invoice.objects.bulk_create([invoice for invoice, _charges in made])
    InvoiceLine.objects.bulk_create(lines)


def _place(charge: Charge) -> tuple[str, str, str]:
    offer = charge.price.plan_term.plan.offer
    return offer.publisher.name, offer.title, charge.subscription.nickname


def one_by_one(charges: int) -> None:
    """As it is usually written: for each charge its invoice is looked up or made, a line created, the sum saved."""
    rates = _rates()
    for charge in unbilled(MONTH.begins_next).select_related(_SOLD, "subscription", "customer")[:charges]:
        with transaction.atomic():
            if InvoiceLine.objects.filter(charge=charge, stands=True).exists():
                continue
            key = {"customer": charge.customer, "currency": charge.currency, "period_start": MONTH.start}
            made = _invoice(charge.customer, charge.currency)
            values = {name: getattr(made, name) for name in _MADE}
            invoice, _new = Invoice.objects.get_or_create(**key, defaults=values)
            _line(invoice, invoice.lines.count() + 1, charge, rates).save()
            invoice.gross = invoice.net + invoice.tax
            invoice.save()


_MADE = ("period_end", "net", "tax", "gross", "buyer", "seller", "language", "drafted_at", "review_until")


def _rates() -> dict[str, Any]:
    return dict(TaxRate.objects.filter(valid_to=None).values_list("country", "rate"))


def _invoice(customer: Customer, currency: str) -> Invoice:
    return Invoice(
        customer=customer,
        currency=currency,
        period_start=MONTH.start,
        period_end=MONTH.end,
        net=0,
        tax=0,
        gross=0,
        buyer=buyer_profile(customer),
        seller=seller_profile(),
        language=customer.language,
        drafted_at=BILLED_AT,
        review_until=BILLED_AT,
    )


def _line(invoice: Invoice, place: int, charge: Charge, rates: dict[str, Any]) -> InvoiceLine:
    """A line, its sums added to its invoice."""
    found = treatment(party(seller_profile()), Party(charge.customer.country, charge.customer.vat_id))
    rate = rates[found.rate_of] if found.rate_of else 0
    tax = tax_on(charge.amount, rate, charge.currency) if rate else 0
    invoice.net, invoice.tax = invoice.net + charge.amount, invoice.tax + tax
    term = charge.price.plan_term
    names = {"publisher": term.plan.offer.publisher.name, "offer": term.plan.offer.title, "plan": term.plan.title}
    names |= {"term": term.term, "billing_cycle": term.billing_cycle, "nickname": charge.subscription.nickname}
    return InvoiceLine(
        invoice=invoice,
        position=place,
        charge=charge,
        description=names,
        net=charge.amount,
        tax_rate=rate,
        tax=tax,
        tax_reason=found.reason,
    )


WAYS: dict[str, Callable[[], None]] = {
    "hub": hub,
    "one statement": one_statement,
    "bulk_create": bulk_create,
    "one by one": lambda: one_by_one(int(sys.argv[2])),
}


def main() -> None:
    connection.ensure_connection()
    begun, cpu = time.monotonic(), time.process_time()
    WAYS[sys.argv[1]]()
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"begun": begun, "seconds": seconds, "cpu": cpu, "peak": peak}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
