"""What changes cost: pairs that wipe and charge anew, by the days that are left, to the cent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command

from accounts.policy import SYSTEM, Role
from billing.models import Account, Charge
from billing.services.charging import charge_cycles, take_in
from billing.verification import verify
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Delivery, Event
from publishers.models import BillingCycle, Policy, Pricing, Term
from subscriptions.changes import Change
from subscriptions.models import Subscription
from subscriptions.services.ending import cancel
from subscriptions.services.plans import change_plan
from subscriptions.services.quoting import preview
from subscriptions.services.renewal import renew_due
from subscriptions.services.resellers import change_reseller
from tests.factories.accounts import LONG_AGO, UserFactory
from tests.factories.billing import ADMIN, lines, to_plan, to_quantity
from tests.factories.customers import ResellerFactory
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db

JUNE_18 = datetime(2026, 6, 18, 12, tzinfo=UTC)
JUNE_20 = datetime(2026, 6, 20, 12, tzinfo=UTC)


def another(subscription, price: str, billing_cycle=BillingCycle.MONTHLY, term=Term.P1M, **plan):
    """Another plan of the offer."""
    other = PlanFactory(offer=subscription.offer, sku_id="0002", **plan)
    return PlanTermFactory(plan=other, amounts={"EUR": price}, billing_cycle=billing_cycle, term=term)


def test_seats_added_and_given_back_as_published():
    subscription = active(JUNE_18, quantity=10)
    to_quantity(subscription, 12, JUNE_20)
    to_quantity(subscription, 8, JUNE_20 + timedelta(hours=1))

    assert lines(subscription) == [
        ("new", "18 Jun-17 Jul", 10, "100.80"),
        ("addQuantity", "20 Jun-17 Jul", 10, "-94.08"),
        ("addQuantity", "20 Jun-17 Jul", 12, "112.89"),
        ("removeQuantity", "20 Jun-17 Jul", 12, "-112.89"),
        ("removeQuantity", "20 Jun-17 Jul", 8, "75.26"),
    ]


def test_the_lines_of_a_change_share_one_reference_and_name_what_they_wipe():
    subscription = active(JUNE_18, quantity=10)
    to_quantity(subscription, 12, JUNE_20)

    first, wiped, anew = Charge.objects.filter(subscription=subscription).order_by("sequence")
    assert (first.reference_id, wiped.reverses, anew.reverses) == (None, first, None)
    assert wiped.reference_id == anew.reference_id == wiped.cause_id == anew.cause_id
    assert wiped.cause.name == "subscription.quantity_changed"
    assert (wiped.billing_days, wiped.cycle_days) == (anew.billing_days, anew.cycle_days) == (28, 30)
    assert (wiped.effective_unit_price, anew.effective_unit_price) == (Decimal("-9.4080"), Decimal("9.4080"))


def test_more_seats_cost_from_the_day_on_which_the_publisher_agreed():
    subscription = active(JUNE_18, quantity=10)
    to_quantity(subscription, 12, JUNE_20, JUNE_20 + timedelta(days=2))

    assert lines(subscription)[1:] == [
        ("addQuantity", "22 Jun-17 Jul", 10, "-87.36"),
        ("addQuantity", "22 Jun-17 Jul", 12, "104.83"),
    ]


def test_fewer_seats_are_credited_from_the_day_on_which_it_was_asked():
    subscription = active(JUNE_18, quantity=10)
    to_quantity(subscription, 8, JUNE_20, JUNE_20 + timedelta(days=2))

    assert lines(subscription)[1:] == [
        ("removeQuantity", "20 Jun-17 Jul", 10, "-94.08"),
        ("removeQuantity", "20 Jun-17 Jul", 8, "75.26"),
    ]


def test_more_seats_cost_what_the_term_was_bought_for():
    subscription = active(JUNE_18, quantity=10)
    subscription.plan_term.prices.update(valid_to=JUNE_20)
    PlanTermFactory._meta.model.objects.get(pk=subscription.plan_term_id).prices.create(
        currency="EUR", amount="20.00", valid_from=JUNE_20
    )
    to_quantity(subscription, 12, JUNE_20)

    assert lines(subscription)[2] == ("addQuantity", "20 Jun-17 Jul", 12, "112.89")


def test_a_flat_rate_costs_the_same_for_any_quantity():
    subscription = active(JUNE_18, term=PlanTermFactory(plan__pricing=Pricing.FLAT_RATE), quantity=10)
    to_quantity(subscription, 12, JUNE_20)

    assert lines(subscription) == [("new", "18 Jun-17 Jul", 1, "10.08")]
    assert Account.objects.get().quantity == 12


def test_another_plan_is_charged_for_the_days_that_are_left():
    subscription = active(JUNE_18, quantity=10)
    to_plan(subscription, another(subscription, "6.43"), JUNE_20)

    assert lines(subscription)[1:] == [
        ("convert", "20 Jun-17 Jul", 10, "-94.08"),
        ("convert", "20 Jun-17 Jul", 10, "60.01"),
    ]


def test_a_plan_paid_by_the_year_is_charged_to_the_end_of_the_term():
    monthly = PlanTermFactory(term=Term.P1Y)
    subscription = active(JUNE_18, term=monthly, quantity=10)
    yearly = another(subscription, "109.50", BillingCycle.ANNUAL, Term.P1Y)
    Policy.objects.create(name="billing_frequency_change", value="now", plan=yearly.plan, valid_from=LONG_AGO)
    to_plan(subscription, yearly, JUNE_20)

    assert lines(subscription)[1:] == [
        ("convert", "20 Jun-17 Jul", 10, "-94.08"),
        ("convert", "20 Jun-17 Jun", 10, "1089.00"),
    ]
    assert Account.objects.get().next_charge_on is None


def test_a_plan_without_trial_ends_one():
    subscription = active(JUNE_18, term=PlanTermFactory(plan__trial_days=30), quantity=25)
    to_plan(subscription, another(subscription, "52.61"), JUNE_18)

    assert lines(subscription) == [
        ("new", "18 Jun-17 Jul", 25, "0.00"),
        ("convert", "18 Jun-17 Jul", 25, "0.00"),
        ("convert", "18 Jun-17 Jul", 25, "1315.25"),
    ]


def test_a_plan_with_a_trial_leaves_what_is_left_of_it():
    subscription = active(JUNE_18, term=PlanTermFactory(plan__trial_days=14), quantity=5)
    to_plan(subscription, another(subscription, "6.00", trial_days=14), JUNE_20)

    assert lines(subscription)[1:] == [("convert", "20 Jun-1 Jul", 5, "0.00")] * 2
    assert Account.objects.get().next_charge_on.isoformat() == "2026-07-02"


def test_another_billing_frequency_is_charged_anew():
    monthly = PlanTermFactory(term=Term.P1Y)
    yearly = PlanTermFactory(
        plan=monthly.plan, term=Term.P1Y, billing_cycle=BillingCycle.ANNUAL, amounts={"EUR": "109.50"}
    )
    Policy.objects.create(name="billing_frequency_change", value="now", plan=monthly.plan, valid_from=LONG_AGO)
    subscription = active(JUNE_18, term=monthly, quantity=10)
    for term, at in ((yearly, JUNE_20), (monthly, JUNE_20 + timedelta(days=30))):
        change_plan(ADMIN, subscription.pk, plan_term_id=term.pk, version=None, at=at)
        deliver_due(at)

    assert lines(subscription)[1:] == [
        ("changeBillingPlan", "20 Jun-17 Jul", 10, "-94.08"),
        ("changeBillingPlan", "20 Jun-17 Jun", 10, "1089.00"),
        ("changeBillingPlan", "20 Jul-17 Jun", 10, "-999.00"),
        ("changeBillingPlan", "20 Jul-17 Aug", 10, "94.29"),
    ]
    assert Account.objects.get().next_charge_on.isoformat() == "2026-08-18"


def test_later_lines_name_the_new_reseller_and_credits_the_old_one():
    subscription = active(JUNE_18, quantity=10)
    reseller = ResellerFactory()
    change_reseller(ADMIN, subscription.pk, partner_id=reseller.partner_id, version=None, at=JUNE_20, hold=False)
    to_quantity(subscription, 12, JUNE_20)

    charges = Charge.objects.filter(subscription=subscription).order_by("sequence")
    assert [charge.reseller_partner_id for charge in charges] == ["", "", reseller.partner_id]


def test_a_refund_in_full_leaves_nothing_of_a_changed_subscription():
    subscription = active(JUNE_18, quantity=10)
    to_quantity(subscription, 12, JUNE_20)
    cancel(ADMIN, subscription.pk, reason="", version=None, at=JUNE_20 + timedelta(hours=1), hold=False)
    deliver_due(JUNE_20 + timedelta(hours=1))

    assert lines(subscription)[3:] == [
        ("cancelImmediate", "18 Jun-19 Jun", 10, "-6.72"),
        ("cancelImmediate", "20 Jun-17 Jul", 12, "-112.89"),
    ]
    assert sum(charge.amount for charge in Charge.objects.all()) == 0
    assert Account.objects.get().is_open is False


def test_an_event_heard_again_changes_nothing():
    subscription = active(JUNE_18, quantity=10)
    to_quantity(subscription, 12, JUNE_20)
    before = lines(subscription)

    for event in Event.objects.filter(stream_id=subscription.pk, deliveries__handler="billing.handlers"):
        assert take_in(SYSTEM, event, at=JUNE_20 + timedelta(hours=1)) == []

    assert lines(subscription) == before


def test_a_clock_that_was_set_back_writes_nothing():
    subscription = active(JUNE_18, quantity=10)
    to_quantity(subscription, 12, JUNE_20, JUNE_20 + timedelta(hours=2))
    before = lines(subscription)

    to_quantity(subscription, 14, JUNE_20 + timedelta(hours=1))

    assert lines(subscription) == before
    failed = Delivery.objects.get(stream_id=subscription.pk, delivered_at=None, attempts=1)
    assert failed.last_error.startswith("ClockBehind: It is 2026-06-20 13:00 UTC by this machine's clock")


def test_a_plan_whose_policy_cuts_the_unit_first_follows_the_published_conversion():
    first = PlanTermFactory(plan__max_quantity=500)
    plan = PlanFactory(offer=first.plan.offer, sku_id="0002", max_quantity=500)
    second = PlanTermFactory(plan=plan, amounts={"EUR": "6.43"})
    for one in (first.plan, plan):
        Policy.objects.create(name="rounding", value="unit", plan=one, valid_from=LONG_AGO)
    subscription = active(datetime(2026, 6, 18, 12, tzinfo=UTC), term=first, quantity=300)
    to_plan(subscription, second, datetime(2026, 6, 25, 12, tzinfo=UTC))

    assert lines(subscription)[1:] == [
        ("convert", "25 Jun-17 Jul", 300, "-2316.00"),
        ("convert", "25 Jun-17 Jul", 300, "1476.00"),
    ]
    call_command("verify_ledger")


def own_price_from(subscription, moment, amount: str) -> None:
    """From then on added licences cost what is on sale, and that is another price."""
    Policy.objects.create(name="added_seats_price", value="list", plan=subscription.plan, valid_from=LONG_AGO)
    subscription.plan_term.prices.filter(valid_to=None).update(valid_to=moment)
    subscription.plan_term.prices.create(currency="EUR", amount=amount, valid_from=moment)


def test_seats_at_the_price_of_their_day_keep_it_until_the_term_ends(client):
    client.force_login(UserFactory(active_role=Role.ADMIN_AGENT))
    subscription = active(JUNE_18, term=PlanTermFactory(term=Term.P1Y), quantity=10)
    own_price_from(subscription, JUNE_20, "12.00")
    shown = preview(ADMIN, subscription.pk, Change(quantity=12), at=JUNE_20)
    to_quantity(subscription, 12, JUNE_20, JUNE_20)
    to_quantity(subscription, 13, JUNE_20 + timedelta(hours=1))
    to_quantity(subscription, 9, JUNE_20 + timedelta(hours=2))
    to_quantity(subscription, 11, JUNE_20 + timedelta(hours=3))
    charge_cycles(SYSTEM, at=JUNE_20 + timedelta(days=30))
    verified = verify()

    page, ledger = (
        client.get(f"/subscriptions/{subscription.pk}/{part}").content.decode() for part in ("", "charges/")
    )

    listed = client.get("/subscriptions/?view=all").content.decode()
    file = b"".join(client.get("/subscriptions/export.csv")).decode()

    assert [text.count("€114.72 per month") for text in (page, listed)] == [1, 1]
    assert ",114.72" in file
    assert ledger.count("at the price of their day") == 3
    assert (shown.due_today.text, shown.next_charge[1].text) == ("22.40", "124.80")
    assert [line.quantity for line in shown.lines] == [2]
    assert lines(subscription) == [
        ("new", "18 Jun-17 Jul", 10, "100.80"),
        ("addQuantity", "20 Jun-17 Jul", 2, "22.40"),
        ("addQuantity", "20 Jun-17 Jul", 2, "-22.40"),
        ("addQuantity", "20 Jun-17 Jul", 3, "33.60"),
        ("removeQuantity", "20 Jun-17 Jul", 10, "-94.08"),
        ("removeQuantity", "20 Jun-17 Jul", 3, "-33.60"),
        ("removeQuantity", "20 Jun-17 Jul", 9, "84.67"),
        ("addQuantity", "20 Jun-17 Jul", 2, "22.40"),
        ("cycleCharge", "18 Jul-17 Aug", 9, "90.72"),
        ("cycleCharge", "18 Jul-17 Aug", 2, "24.00"),
    ]
    assert verified.faults == []


def test_the_next_term_and_another_plan_have_one_price_for_all_seats():
    subscription = active(JUNE_18, quantity=10)
    own_price_from(subscription, JUNE_20, "12.00")
    to_quantity(subscription, 12, JUNE_20)
    renew_due(SYSTEM, at=JUNE_18 + timedelta(days=30))
    deliver_due(JUNE_18 + timedelta(days=30))
    subscription = Subscription.objects.get(pk=subscription.pk)
    own = Account.objects.get().added
    to_plan(subscription, another(subscription, "6.00"), JUNE_18 + timedelta(days=30))

    assert lines(subscription)[2:] == [
        ("renew", "18 Jul-17 Aug", 12, "144.00"),
        ("convert", "18 Jul-17 Aug", 12, "-144.00"),
        ("convert", "18 Jul-17 Aug", 12, "72.00"),
    ]
    assert own == []
    assert verify().faults == []
