"""Credit notes: never more than is left of what was charged, whoever credits it first."""

from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from accounts.policy import SYSTEM
from billing.enums import InvoiceKind
from billing.invoicing import bill
from billing.models import Charge, ExchangeRate, Invoice
from billing.services.crediting import credit
from partnerhub.errors import CreditBeyondInvoice, InvoiceStateForbids, NothingToCredit, NotPermitted
from partnerhub.outbox.delivery import deliver_due
from publishers.models import Policy
from subscriptions.services.ending import cancel
from tests.factories.accounts import LONG_AGO
from tests.factories.billing import lines, to_quantity
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("billing_data")]
JUNE_28 = datetime(2026, 6, 28, 12, tzinfo=UTC)
JULY_1 = datetime(2026, 7, 1, 0, 30, tzinfo=UTC)


def bought(at: datetime = JUNE_28):
    customer = CustomerFactory(country="PL", currency="PLN")
    term = PlanTermFactory(term="P1Y", amounts={"PLN": "10.08"})
    return active(at, customer=customer, term=term, quantity=10)


def invoice() -> Invoice:
    bill(SYSTEM, as_of=date(2026, 7, 7), at=JULY_1)
    bill(SYSTEM, as_of=date(2026, 7, 7), at=JULY_1)
    return Invoice.objects.get(kind=InvoiceKind.INVOICE)


def test_a_credited_line_stands_no_more_and_is_not_refunded_again(admin_agent):
    subscription = bought()
    note = credit(admin_agent, invoice().pk, reason="Billed by mistake", at=JULY_1)
    assert (note.number, f"{note.net:.2f}", f"{note.tax:.2f}") == ("C000000001", "-100.80", "-23.18")
    cancel(admin_agent, subscription.pk, reason="", version=None, at=JULY_1, hold=False)
    deliver_due(JULY_1)

    assert lines(subscription) == [
        ("new", "28 Jun-27 Jul", 10, "100.80"),
        ("customerCredit", "28 Jun-27 Jul", 10, "-100.80"),
    ]
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert out.getvalue().startswith("The ledger holds")


def test_a_change_after_a_credit_charges_nothing_for_the_credited_days(admin_agent):
    subscription = bought()
    credit(admin_agent, invoice().pk, reason="Goodwill", at=JULY_1)
    to_quantity(subscription, 12, JULY_1 + timedelta(hours=1))

    assert [kind for kind, *_ in lines(subscription)] == ["new", "customerCredit"]


def test_only_what_is_left_of_an_invoice_is_credited(admin_agent):
    subscription = bought(datetime(2026, 6, 18, 12, tzinfo=UTC))
    to_quantity(subscription, 12, datetime(2026, 6, 20, 12, tzinfo=UTC))
    billed = invoice()
    first = credit(admin_agent, billed.pk, positions=[1], reason="", at=JULY_1)
    rest = credit(admin_agent, billed.pk, reason="", at=JULY_1)

    assert [f"{one.net:.2f}" for one in (billed, first, rest)] == ["119.61", "-6.72", "-112.89"]
    with pytest.raises(NothingToCredit):
        credit(admin_agent, billed.pk, reason="", at=JULY_1)
    assert sum(charge.amount for charge in Charge.objects.all()) == 0


def test_an_invoice_is_not_credited_beyond_itself(admin_agent):
    """Ten licences stand on June's invoice, twelve and the ten taken back on July's."""
    subscription = bought()
    invoice()
    to_quantity(subscription, 12, datetime(2026, 7, 1, 12, tzinfo=UTC))
    august = datetime(2026, 8, 1, 12, tzinfo=UTC)
    for _ in range(2):
        bill(SYSTEM, as_of=date(2026, 8, 7), at=august)
    july = Invoice.objects.get(period_start="2026-07-01")
    with pytest.raises(CreditBeyondInvoice) as refusal:
        credit(admin_agent, july.pk, positions=[1, 2, 3], reason="Each of its lines", at=august)
    told = "The invoice G000000002 charged 18.14 PLN: its credit notes cannot come to 108.86 PLN. "
    assert str(refusal.value).startswith(told)
    assert Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE).count() == 0
    assert "customerCredit" not in [kind for kind, *_ in lines(subscription)]

    note = credit(admin_agent, july.pk, reason="All of it", at=august)
    Policy.objects.create(name="cancel_within", value="P99D", plan=subscription.plan, valid_from=LONG_AGO)
    cancel(admin_agent, subscription.pk, reason="", version=None, at=august, hold=False)
    deliver_due(august)
    assert (f"{note.net:.2f}", lines(subscription)[3]) == ("-18.14", ("customerCredit", "1 Jul-27 Jul", 12, "-18.14"))
    assert sum(charge.amount for charge in Charge.objects.all()) == 0
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert out.getvalue().startswith("The ledger holds")


def test_a_note_takes_the_tax_back_at_the_rate_of_its_invoice(admin_agent):
    for day, rate in (("2026-06-30", 4), ("2026-07-14", 5)):
        ExchangeRate.objects.create(currency="EUR", into="PLN", published_on=day, rate=rate, source="NBP")
    customer = CustomerFactory(country="PL", currency="EUR")
    active(JUNE_28, customer=customer, term=PlanTermFactory(amounts={"EUR": "10.00"}), quantity=1)
    note = credit(admin_agent, invoice().pk, reason="", at=datetime(2026, 7, 15, tzinfo=UTC))
    note.refresh_from_db()
    assert (str(note.local_rate_on), f"{note.local_tax:.2f}") == ("2026-06-30", "-9.20")


def test_drafts_notes_and_strangers_are_refused(admin_agent, sales_agent):
    bought()
    bill(SYSTEM, as_of=date(2026, 7, 1), at=JULY_1)
    draft = Invoice.objects.get()
    for actor, refusal in ((sales_agent, NotPermitted), (admin_agent, InvoiceStateForbids)):
        with pytest.raises(refusal):
            credit(actor, draft.pk, reason="", at=JULY_1)
    note = credit(admin_agent, invoice().pk, reason="", at=JULY_1)
    with pytest.raises(InvoiceStateForbids):
        credit(admin_agent, note.pk, reason="", at=JULY_1)
    assert Charge.objects.count() == 2
