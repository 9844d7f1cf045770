"""Buying: what an agent was shown is what is ordered, once, or nothing at all."""

from datetime import timedelta
from decimal import Decimal

import pytest

from accounts.policy import Role
from partnerhub.errors import (
    AttestationMissing,
    AvailabilityNotFound,
    CartEmpty,
    CartExpired,
    CustomerRelationshipEnded,
    NoPriceInCurrency,
    NotPermitted,
    NotSoldInCountry,
    OnePerCustomer,
    ProductNotFound,
    QuantityOutOfRange,
    ResellerAgreementMissing,
    ResellerIsProvider,
    ResellerUnknown,
    SkuNotFound,
)
from partnerhub.outbox.models import Event
from publishers.models import Price
from subscriptions.enums import GateName, GateState, Status
from subscriptions.models import Cart, Order, PollSchedule, Subscription
from subscriptions.services.carts import LineRequest, create_cart
from subscriptions.services.checkout import checkout_cart
from tests.factories.accounts import actor
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, buy

pytestmark = pytest.mark.django_db


def test_a_purchase_opens_a_pending_subscription_with_its_gates_and_seats(sales_agent):
    subscription = buy(by=sales_agent, quantity=7, nickname="Signatures")

    assert (subscription.status, subscription.quantity, subscription.nickname) == (Status.PENDING, 7, "Signatures")
    assert subscription.activate_by == NOON + timedelta(days=30)
    assert [(gate.gate, gate.state) for gate in subscription.gates.all()] == [
        (GateName.ORDERED, GateState.SATISFIED),
        (GateName.LICENSES_ASSIGNED, GateState.PENDING),
        (GateName.CONFIGURATION_CONFIRMED, GateState.PENDING),
        (GateName.NOT_CANCELLED, GateState.SATISFIED),
    ]
    assert [(tranche.quantity, tranche.reducible_until) for tranche in subscription.tranches.all()] == [
        (7, NOON + timedelta(days=7))
    ]
    assert PollSchedule.objects.get(subscription=subscription).next_poll_at == NOON
    assert list(Event.objects.filter(stream_id=subscription.pk).values_list("name", "actor_role")) == [
        ("subscription.ordered", "sales_agent")
    ]


def test_checking_out_twice_returns_the_first_result_and_creates_nothing(sales_agent):
    customer, term = CustomerFactory(), PlanTermFactory()
    cart = create_cart(sales_agent, customer.pk, [LineRequest(term.catalog_item_id, 3)], attested=True, at=NOON)

    first = checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON)
    again = checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON + timedelta(days=30))

    assert [order.pk for order in again.orders] == [order.pk for order in first.orders]
    assert (Order.objects.count(), Subscription.objects.count()) == (1, 1)


@pytest.mark.parametrize("quantity", [0, 4, 101])
def test_a_quantity_outside_the_plan_is_refused(sales_agent, quantity):
    customer, term = CustomerFactory(), PlanTermFactory(plan__min_quantity=5, plan__max_quantity=100)

    with pytest.raises(QuantityOutOfRange) as refusal:
        create_cart(sales_agent, customer.pk, [LineRequest(term.catalog_item_id, quantity)], attested=True, at=NOON)

    assert str(refusal.value) == f"Quantity {quantity} is outside 5 to 100 for the plan {term.plan.title}."
    assert Cart.objects.count() == 0
    assert Event.objects.count() == 0


@pytest.mark.parametrize(
    ("catalog_item", "refusal"),
    [
        ("NOPE:{sku}:{availability}", ProductNotFound),
        ("{product}:9999:x", SkuNotFound),
        ("{product}:{sku}:x", AvailabilityNotFound),
    ],
)
def test_an_unknown_catalogue_item_is_refused_by_its_unknown_part(sales_agent, catalog_item, refusal):
    customer, term = CustomerFactory(), PlanTermFactory()
    named = catalog_item.format(
        product=term.plan.offer.product_id, sku=term.plan.sku_id, availability=term.availability_id
    )

    with pytest.raises(refusal):
        create_cart(sales_agent, customer.pk, [LineRequest(named, 1)], attested=True, at=NOON)

    assert Cart.objects.count() == 0


def test_an_offer_is_not_sold_outside_its_countries_nor_without_a_price(sales_agent):
    polish, american = CustomerFactory(country="PL"), CustomerFactory(country="US", currency="USD")
    term = PlanTermFactory(plan__offer__countries=["US"])
    line = LineRequest(term.catalog_item_id, 1)

    with pytest.raises(NotSoldInCountry):
        create_cart(sales_agent, polish.pk, [line], attested=True, at=NOON)
    with pytest.raises(NoPriceInCurrency):
        create_cart(sales_agent, american.pk, [line], attested=True, at=NOON)

    assert Cart.objects.count() == 0


def test_an_offer_sold_once_per_customer_is_not_bought_twice(sales_agent):
    customer, term = CustomerFactory(), PlanTermFactory(plan__offer__one_per_customer=True)
    lines = [LineRequest(term.catalog_item_id, 1)]
    first, second = (create_cart(sales_agent, customer.pk, lines, attested=True, at=NOON) for _ in range(2))
    checkout_cart(sales_agent, customer.pk, first.pk, at=NOON)

    result = checkout_cart(sales_agent, customer.pk, second.pk, at=NOON)
    with pytest.raises(OnePerCustomer):
        create_cart(sales_agent, customer.pk, lines, attested=True, at=NOON)

    assert (result.orders, [error.code for error in result.errors]) == ([], ["one_per_customer"])
    assert Subscription.objects.count() == 1


def test_groups_succeed_or_fail_each_as_a_whole(sales_agent):
    customer, once, other = CustomerFactory(), PlanTermFactory(plan__offer__one_per_customer=True), PlanTermFactory()
    lines = [
        LineRequest(once.catalog_item_id, 1, order_group="a"),
        LineRequest(once.catalog_item_id, 1, order_group="a"),
        LineRequest(other.catalog_item_id, 2, order_group="b"),
    ]
    cart = create_cart(sales_agent, customer.pk, lines, attested=True, at=NOON)

    result = checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON)

    assert [order.order_group for order in result.orders] == ["b"]
    assert [(error.order_group, error.line_number, error.code) for error in result.errors] == [
        ("a", 1, "one_per_customer")
    ]
    assert Subscription.objects.get().offer == other.plan.offer
    assert checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON).errors == result.errors


def test_a_price_that_moved_since_it_was_shown_is_not_charged(sales_agent):
    customer, term = CustomerFactory(), PlanTermFactory()
    cart = create_cart(sales_agent, customer.pk, [LineRequest(term.catalog_item_id, 1)], attested=True, at=NOON)
    later = NOON + timedelta(hours=1)
    term.prices.update(valid_to=later)
    Price.objects.create(plan_term=term, currency="EUR", amount=Decimal("11.00"), valid_from=later)

    result = checkout_cart(sales_agent, customer.pk, cart.pk, at=later)

    assert (result.orders, [error.code for error in result.errors]) == ([], ["price_moved"])
    assert Subscription.objects.count() == 0


def test_a_cart_expires_after_seven_days(sales_agent):
    customer, term = CustomerFactory(), PlanTermFactory()
    cart = create_cart(sales_agent, customer.pk, [LineRequest(term.catalog_item_id, 1)], attested=True, at=NOON)

    with pytest.raises(CartExpired):
        checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON + timedelta(days=7))

    assert Subscription.objects.count() == 0


def test_a_cart_needs_lines_and_the_partner_attestation(sales_agent):
    customer, term = CustomerFactory(), PlanTermFactory()
    empty = create_cart(sales_agent, customer.pk, [], attested=True, at=NOON)
    lines = [LineRequest(term.catalog_item_id, 1)]
    unattested = create_cart(sales_agent, customer.pk, lines, attested=False, at=NOON)

    with pytest.raises(CartEmpty):
        checkout_cart(sales_agent, customer.pk, empty.pk, at=NOON)
    with pytest.raises(AttestationMissing):
        checkout_cart(sales_agent, customer.pk, unattested.pk, at=NOON)

    assert Order.objects.count() == 0


def test_a_reseller_must_be_known_signed_and_not_ourselves(sales_agent, settings):
    customer, term = CustomerFactory(), PlanTermFactory()
    unsigned = ResellerFactory(agreement_signed_at=None)
    named = {
        settings.HUB_PARTNER_ID: ResellerIsProvider,
        "999999": ResellerUnknown,
        unsigned.pk: ResellerAgreementMissing,
    }

    for partner_id, refusal in named.items():
        with pytest.raises(refusal):
            buy(by=sales_agent, customer=customer, term=term, partner_id=partner_id)

    assert Cart.objects.count() == 0
    assert buy(by=sales_agent, customer=customer, term=term, partner_id=ResellerFactory().pk).reseller is not None


def test_nothing_is_bought_for_a_customer_whose_relationship_ended(sales_agent):
    customer = CustomerFactory(relationship_ended_at=NOON)

    with pytest.raises(CustomerRelationshipEnded):
        buy(by=sales_agent, customer=customer)

    assert Subscription.objects.count() == 0


@pytest.mark.parametrize("role", [Role.OPS_AGENT, Role.PLATFORM_ADMIN, Role.PUBLISHER, Role.SYSTEM])
def test_only_sales_and_admin_agents_buy(role):
    customer, term = CustomerFactory(), PlanTermFactory()

    with pytest.raises(NotPermitted):
        buy(by=actor(role), customer=customer, term=term)

    assert Cart.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [({"suspended_at": NOON}, "reseller_suspended"), ({"agreement_signed_at": None}, "reseller_agreement_missing")],
)
def test_a_reseller_that_may_not_sell_any_more_is_refused_at_checkout(sales_agent, change, code):
    customer, term, reseller = CustomerFactory(), PlanTermFactory(), ResellerFactory()
    line = LineRequest(term.catalog_item_id, 1, partner_id=reseller.partner_id)
    cart = create_cart(sales_agent, customer.pk, [line], attested=True, at=NOON)
    type(reseller).objects.filter(pk=reseller.pk).update(**change)

    result = checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON)

    assert (result.orders, [error.code for error in result.errors]) == ([], [code])


def test_a_price_in_another_currency_than_was_shown_is_refused(sales_agent):
    customer, term = CustomerFactory(currency="EUR"), PlanTermFactory(amounts={"EUR": "10", "USD": "10"})
    cart = create_cart(sales_agent, customer.pk, [LineRequest(term.catalog_item_id, 1)], attested=True, at=NOON)
    type(customer).objects.update(currency="USD")

    result = checkout_cart(sales_agent, customer.pk, cart.pk, at=NOON)

    assert (result.orders, [error.code for error in result.errors]) == ([], ["price_moved"])
