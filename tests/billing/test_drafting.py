"""What the run writes is what the rules say, in a dozen statements for a chunk."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.policy import SYSTEM
from bench.charges import BILLED_AT, MONTH, SEEDED_AT, charge
from billing.drafting import draft
from billing.models import Invoice, InvoiceLine
from billing.services.invoices import draft_customers
from billing.tax import tax_on
from customers.models import Customer
from partnerhub.outbox.models import Event
from subscriptions.demo.scale import seed

pytestmark = pytest.mark.django_db

# Amounts whose tax ends between two units, currencies of two, no and three digits, names that languages sort otherwise.
_ODD = """
UPDATE subscriptions_subscription
   SET unit_price = (ARRAY[10.0849, 0.05, 3333.3333, 0])[1 + get_byte(uuid_send(id), 15) % 4],
       currency = (ARRAY['EUR', 'JPY', 'KWD'])[1 + get_byte(uuid_send(id), 14) % 3],
       nickname = (ARRAY['Łódź', 'abc', 'Zebra', ''])[1 + get_byte(uuid_send(id), 13) % 4]
"""


def seeded(subscriptions: int, customers: int) -> list[Customer]:
    seed(subscriptions=subscriptions, customers=customers, publishers=3, at=SEEDED_AT - timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute(_ODD)
    charge()
    return list(Customer.objects.order_by("pk"))


def test_every_line_is_taxed_and_placed_by_the_rules_and_shown_before(billing_data):
    customers = seeded(300, 10)
    shown = draft(customers, MONTH).drafts

    with CaptureQueriesContext(connection) as asked:
        kept = draft_customers(SYSTEM, [one.pk for one in customers], MONTH, at=BILLED_AT)

    lines = list(InvoiceLine.objects.select_related("invoice", "charge").order_by("invoice", "position"))
    assert (kept.lines, kept.failures) == (len(lines), [])
    assert [one.tax for one in lines] == [tax_on(one.net, one.tax_rate, one.invoice.currency) for one in lines]
    places = [(one.invoice_id, *_names(one), one.charge.subscription_id, one.charge.sequence) for one in lines]
    assert places == sorted(places)
    invoices = Invoice.objects.order_by("customer_id", "currency")
    assert [(one.customer_id, one.currency, one.net, one.tax, one.gross) for one in invoices] == [
        (one.customer_id, one.currency, one.net, one.tax, one.gross) for one in shown
    ]
    told = Event.objects.filter(name="invoice.drafted").order_by("stream_id").values_list("stream_id", "data__gross")
    assert list(told) == [(one.pk, str(one.gross)) for one in Invoice.objects.order_by("id")]
    assert len(asked) == 12


def _names(line: InvoiceLine) -> tuple[str, ...]:
    return tuple(line.description[name] for name in ("publisher", "offer", "nickname"))
