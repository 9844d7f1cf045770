"""Lives of random acts over fourteen months: each charge is billed once, and nothing is credited beyond it."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.policy import SYSTEM
from billing.invoicing import bill, preview
from billing.models import Charge, Invoice, InvoiceLine
from billing.services.charging import charge_cycles
from billing.services.crediting import credit
from billing.services.invoices import void
from billing.verification import verify
from partnerhub.errors import HubError
from partnerhub.outbox.delivery import deliver_due
from subscriptions.models import Operation, Subscription
from subscriptions.services.ending import cancel
from subscriptions.services.lapsing import end_suspensions, end_trials
from subscriptions.services.renewal import renew_due
from tests.factories.billing import ADMIN, to_quantity
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("billing_data"), pytest.mark.timeout(300)]


def tick(at: datetime) -> None:
    """All that the scheduler would do in a moment; publishers agree at once."""
    end_trials(SYSTEM, at=at)
    renew_due(SYSTEM, at=at)
    Operation.objects.filter(completed_at=None).update(status="succeeded", completed_at=at)
    deliver_due(at)
    end_suspensions(SYSTEM, at=at)
    charge_cycles(SYSTEM, at=at)
    if at.day in (1, 7):
        bill(SYSTEM, as_of=at.date(), at=at)


LIFE = st.lists(
    st.tuples(st.sampled_from(["seats", "cancel", "credit", "void", "wait"]), st.integers(1, 25), st.integers(1, 20)),
    min_size=3,
    max_size=8,
)


@pytest.mark.parametrize("examples", [3, pytest.param(40, marks=[pytest.mark.exhaustive, pytest.mark.timeout(3000)])])
def test_whatever_happens_each_charge_is_billed_once_and_nothing_is_credited_beyond_it(examples):
    @settings(max_examples=examples, deadline=None)
    @given(LIFE)
    def run(life: list[tuple[str, int, int]]) -> None:
        with transaction.atomic():
            _live(life)
            transaction.set_rollback(True)

    run()


def _live(life: list[tuple[str, int, int]]) -> None:
    customer = CustomerFactory(country="PL", currency="PLN")
    at = datetime(2026, 1, 29, 12, tzinfo=UTC)
    term = PlanTermFactory(term="P1Y", amounts={"PLN": "10.08"})
    subscriptions = [active(at, customer=customer, term=term, quantity=10) for _ in range(2)]
    for act, days, number in life:
        at += timedelta(days=days)
        tick(at)
        _bill_as_previewed(at)
        with suppress(HubError, Operation.DoesNotExist):
            _do(act, subscriptions[number % 2], number, at)
    for day in (date(2027, 2, 1), date(2027, 2, 7)):
        at = datetime.combine(day, time(12), UTC)
        tick(at)
    lines = list(InvoiceLine.objects.order_by("id").values())
    tick(at)
    assert list(InvoiceLine.objects.order_by("id").values()) == lines

    standing = InvoiceLine.objects.filter(stands=True)
    over = Charge.objects.filter(recorded_at__lt=datetime(2027, 2, 1, tzinfo=UTC))
    assert sum(line.net for line in standing.filter(charge__in=over)) == sum(charge.amount for charge in over)
    for charge in Charge.objects.filter(reverses=None).prefetch_related("reversals"):
        assert charge.amount + sum(one.amount for one in charge.reversals.all()) >= 0
    assert verify().faults == []


def _bill_as_previewed(at: datetime) -> None:
    looked, done = (way(SYSTEM, as_of=at.date(), at=at) for way in (preview, bill))
    assert (looked.totals, looked.added, looked.finalized) == (done.totals, done.added, done.finalized)


def _do(act: str, subscription: Subscription, number: int, at: datetime) -> None:
    invoice = Invoice.objects.order_by("-drafted_at", "id").first()
    if act == "seats":
        to_quantity(subscription, number, at)
    elif act == "cancel":
        cancel(ADMIN, subscription.pk, reason="", version=None, at=at, hold=False)
        deliver_due(at)
    elif act == "credit" and invoice:
        credit(ADMIN, invoice.pk, positions=None if number % 2 else [number % 3], reason="", at=at)
    elif act == "void" and invoice:
        void(ADMIN, invoice.pk, reason="", at=at)
