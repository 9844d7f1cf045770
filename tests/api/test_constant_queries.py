"""Every list of /v1 that no other test measures costs as many queries for three things as for one."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.policy import SYSTEM, Role
from subscriptions.changes import Change
from subscriptions.enums import Acceptance
from subscriptions.models import Subscription
from subscriptions.services.edits import rename
from subscriptions.services.notes import add_note
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import ask
from subscriptions.services.settling import accept
from tests.api.conftest import LATER, path_of
from tests.factories.accounts import UserFactory, actor
from tests.factories.billing import ADMIN
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanFactory, PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import active, buy

pytestmark = pytest.mark.django_db


def waiting(_: Subscription) -> None:
    buy(term=PlanTermFactory(), customer=CustomerFactory())


def renamed(found: Subscription) -> None:
    found.refresh_from_db()
    rename(ADMIN, found.pk, nickname=f"Version {found.version}", version=None, at=LATER)


def settled(found: Subscription) -> None:
    found.refresh_from_db()
    change_quantity(ADMIN, found.pk, quantity=found.quantity + 1, version=None, at=LATER)
    accept(SYSTEM, found.operations.get(completed_at=None).pk, how=Acceptance.PUBLISHER, at=LATER)


def asked(found: Subscription) -> None:
    ask(actor(Role.SALES_AGENT), found.pk, Change(quantity=found.quantity + 2), reason="More", at=LATER)


def noted(found: Subscription) -> None:
    add_note(ADMIN, found.pk, text=f"@{UserFactory().email} call them", at=LATER)


def other_plan(found: Subscription) -> None:
    number = found.offer.plans.count() + 1
    plan = PlanFactory(offer=found.offer, plan_id=f"pro{number}", sku_id=f"{number:04}", max_quantity=50)
    PlanTermFactory(plan=plan, amounts={"EUR": "20.00"})


LISTS: list[tuple[str, Callable[[Subscription], object]]] = [
    ("/attention", waiting),
    ("/changerequests", asked),
    ("/auditrecords", renamed),
    ("/publishers", lambda _: PublisherFactory()),
    ("{subscription}/timeline", renamed),
    ("{subscription}/notes", noted),
    ("{subscription}/operations", settled),
    ("{subscription}/changerequests", asked),
    ("{subscription}/transitionEligibilities?eligibilityType=immediate", other_plan),
    ("{product}/skus", other_plan),
]


@pytest.mark.parametrize(("path", "another"), LISTS, ids=[path for path, _ in LISTS])
def test_three_cost_what_one_does(admin, path, another):
    found = active()
    path = path.format(
        subscription=path_of(found), product=f"/customers/{found.customer_id}/products/{found.offer.product_id}"
    )
    counts = []
    for more in (1, 2):
        for _ in range(more):
            another(found)
        admin.get(path)
        with CaptureQueriesContext(connection) as queries:
            listed = len(admin.get(path).json()["items"])
        counts.append((listed, len(queries)))
    assert counts[1] == (counts[0][0] + 2, counts[0][1])
