"""Numbers of refusals that no other test of the API provokes, each by the call that does; nothing changes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from accounts.policy import SYSTEM
from publishers.models import Policy
from subscriptions.changes import Change
from subscriptions.enums import Acceptance
from subscriptions.models import Subscription
from subscriptions.services.quantity import change_quantity
from subscriptions.services.quoting import quote
from subscriptions.services.settling import accept
from tests.api.conftest import LATER, path_of, refused
from tests.factories.accounts import LONG_AGO
from tests.factories.billing import ADMIN
from tests.factories.customers import ResellerFactory
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Call = tuple[Subscription, str, str, dict[str, Any]]


def patch(subscription: Subscription, **body: Any) -> Call:
    return subscription, "patch", "", body


def under(name: str, value: str) -> Subscription:
    """An active subscription whose plan has a policy of its own."""
    term = PlanTermFactory()
    Policy.objects.create(name=name, value=value, plan=term.plan, valid_from=LONG_AGO)
    return active(term=term)


def suspended() -> Subscription:
    subscription = active()
    Subscription.objects.filter(pk=subscription.pk).update(status="suspended", suspended_at=NOON)
    return subscription


def never_renewing() -> Subscription:
    subscription = active()
    Subscription.objects.filter(pk=subscription.pk).update(auto_renew=False)
    return subscription


def longer_plan_in_trial() -> Call:
    subscription = active(term=PlanTermFactory(plan__trial_days=14))
    plan = PlanFactory(offer=subscription.offer, plan_id="pro", sku_id="0002", min_quantity=1, max_quantity=50)
    target = PlanTermFactory(plan=plan, term="P1Y", amounts={"EUR": "20.00"})
    return subscription, "post", "transitions", {"toCatalogItemId": target.catalog_item_id, "termDuration": "P1Y"}


def under_a_suspended_reseller() -> Call:
    return patch(active(), partnerId=ResellerFactory(suspended_at=LONG_AGO).partner_id)


def quoted(*, moved: bool = False) -> Call:
    subscription = active()
    row, _ = quote(ADMIN, subscription.pk, Change(quantity=9), at=LATER)
    if moved:
        change_quantity(ADMIN, subscription.pk, quantity=8, version=None, at=LATER)
        accept(SYSTEM, subscription.operations.get().pk, how=Acceptance.PUBLISHER, at=LATER)
    return patch(subscription, quantity=9, quoteId=str(row.pk))


NEXT_TERM = {"quantity": 9}
CASES: list[tuple[int, int, Callable[[], Call], datetime]] = [
    (400, 2001, lambda: patch(suspended(), quantity=9), LATER),
    (400, 800091, lambda: patch(suspended(), scheduledNextTermInstructions={"product": {"skuId": "0001"}}), LATER),
    (400, 800093, lambda: patch(never_renewing(), scheduledNextTermInstructions=NEXT_TERM), LATER),
    (400, 800107, longer_plan_in_trial, LATER),
    (400, 400019, quoted, LATER + timedelta(minutes=16)),
    (409, 400019, lambda: quoted(moved=True), LATER),
    (409, 800082, lambda: patch(active(), quantity=9), NOON + 30 * DAY),
    (400, 800016, under_a_suspended_reseller, LATER),
    (400, 800090, lambda: patch(under("reduce_within", "PT0S"), quantity=5), LATER),
    (400, 900214, lambda: patch(under("reduce_within", "PT24H"), quantity=5), NOON + DAY),
    (400, 900257, lambda: patch(active(), quantity=5), NOON + 7 * DAY),
    (400, 900117, lambda: patch(under("cancel_within", "P14D"), status="deleted"), NOON + 14 * DAY),
]


@pytest.mark.parametrize(("status", "number", "arrange", "at"), CASES, ids=[str(case[1]) for case in CASES])
def test_a_call_is_refused_with_its_number_and_changes_nothing(admin, status, number, arrange, at):
    subscription, method, part, body = arrange()
    before, asked = Subscription.objects.filter(pk=subscription.pk).values().get(), subscription.operations.count()
    with time_machine.travel(at, tick=False):
        refused(admin.send(method, path_of(subscription, *filter(None, [part])), body), status, number)
    assert Subscription.objects.filter(pk=subscription.pk).values().get() == before
    assert subscription.operations.count() == asked
