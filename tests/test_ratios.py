"""The measurements of `bench`, small: what must not grow with the hub, nor cost more than the usual way."""

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.policy import Actor, Role
from bench.plans import explained
from bench.write_limits import ADD_CARTS
from partnerhub.clock import now
from subscriptions.demo.scale import seed
from subscriptions.enums import CartStatus, Status
from subscriptions.models import Cart, Subscription
from subscriptions.services.checkout import checkout_cart
from subscriptions.services.edits import rename
from subscriptions.services.quantity import change_quantity
from subscriptions.services.ranking import keep_ranked
from tests.api.conftest import Program
from tests.factories.accounts import UserFactory

pytestmark = pytest.mark.django_db
ADMIN = Actor("client", "bench", "Bench", Role.ADMIN_AGENT, (Role.ADMIN_AGENT,))
SHOWN = 50
BY_PUBLISHER = ("programs, by publisher", "page, by publisher")

Way = Callable[[], object]


@pytest.fixture
def waiting_carts() -> list[tuple[UUID, UUID]]:
    """Thirty carts of a seeded hub with one line each: customer and cart."""
    seed(subscriptions=200, customers=20, publishers=2, at=now() - timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute(ADD_CARTS, [30])
    return list(Cart.objects.filter(status=CartStatus.ACTIVE).order_by("pk").values_list("customer_id", "pk"))


def test_a_hub_ten_times_as_large_reads_no_more_for_a_list() -> None:
    """As many statements on a page and for a program, whose list is read by its index and nothing else whole."""
    person = Client()
    person.force_login(UserFactory(roles=[Role.ADMIN_AGENT]))
    program = Program(Role.ADMIN_AGENT)
    ways: dict[str, Way] = {
        "programs": lambda: program.get(f"/subscriptions?size={SHOWN}"),
        "programs, a state": lambda: program.get(f"/subscriptions?size={SHOWN}&status={Status.SUBSCRIBED}"),
        "programs, by publisher": lambda: program.get(f"/subscriptions?size={SHOWN}&sort=-publisher"),
        "page": lambda: person.get("/subscriptions/"),
        "page, by publisher": lambda: person.get("/subscriptions/?sort=-publisher"),
        "queue": lambda: person.get("/attention/"),
        "Home": lambda: person.get("/"),
        "one that waits": lambda: person.get(f"/subscriptions/{newest(Status.PENDING)}/"),
        "an active one": lambda: person.get(f"/subscriptions/{newest(Status.SUBSCRIBED)}/"),
    }

    seed(subscriptions=300, customers=30, publishers=3, at=now() - timedelta(days=1))
    keep_ranked(at=now())
    few = {name: asked_by(way) for name, way in ways.items()}
    seed(subscriptions=3000, customers=150, publishers=3, at=now() - timedelta(days=1))
    keep_ranked(at=now())
    many = {name: asked_by(way) for name, way in ways.items()}

    assert {name: len(asked) for name, asked in many.items()} == {name: len(asked) for name, asked in few.items()}
    pages = {"page": 12, "queue": 21, "Home": 24, "one that waits": 24, "an active one": 23}
    assert {name: len(many[name]) for name in pages} == pages
    for name in ("programs", "programs, a state"):
        whole = {table for plan in map(explained, reading(many[name])) for table in plan.whole}
        # The catalogue fits into a page or two.
        assert [table for table in whole if not table.startswith("publishers_")] == []
    # The publisher that comes first has a thousand: a few looks at each row that is shown, and at no other.
    assert [name for name in BY_PUBLISHER if read_by(many[name]) >= 4 * (SHOWN + 1)] == []


def test_a_write_asks_little_of_the_database(waiting_carts) -> None:
    customer_id, cart_id = waiting_carts[0]
    one = Subscription.objects.filter(status=Status.SUBSCRIBED).order_by("pk")[0].pk

    asked = {
        "checkout": asked_by(lambda: checkout_cart(ADMIN, customer_id, cart_id, at=now())),
        "quantity": asked_by(lambda: change_quantity(ADMIN, one, quantity=41, version=None, at=now())),
        "nickname": asked_by(lambda: rename(ADMIN, one, nickname="Another", version=None, at=now())),
    }

    assert {name: len(statements) for name, statements in asked.items()} == {
        "checkout": 10,
        "quantity": 11,
        "nickname": 7,
    }


def test_checking_out_costs_less_than_the_usual_way(waiting_carts) -> None:
    """A third of the usual way's CPU when it was written; the bound leaves room for a busy machine."""
    from bench import naive_writes

    hub, naive = waiting_carts[:15], waiting_carts[15:]

    ours = cpu_of([lambda one=one: checkout_cart(ADMIN, *one, at=now()) for one in hub])
    usual = cpu_of([lambda cart_id=cart_id: naive_writes.checkout(cart_id, now()) for _, cart_id in naive])

    assert Cart.objects.filter(status=CartStatus.ACTIVE).count() == 0
    assert ours < 0.75 * usual


def newest(status: Status) -> UUID:
    return Subscription.objects.filter(status=status).order_by("-purchased_at", "-pk")[0].pk


def asked_by(way: Way) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        way()
    return [query["sql"] for query in captured.captured_queries]


def read_by(statements: list[str]) -> int:
    """The subscriptions that PostgreSQL reads to choose those of a page, with the statistics of now."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    choosing = [explained(sql) for sql in reading(statements) if f"LIMIT {SHOWN + 1}" in sql]
    return sum(plan.tables["subscriptions_subscription"] for plan in choosing)


def reading(statements: list[str]) -> list[str]:
    return [sql for sql in statements if sql.lstrip().startswith(("SELECT", "WITH"))]


def cpu_of(ways: list[Way]) -> float:
    """CPU seconds of this process for all but the first three."""
    for way in ways[:3]:
        way()
    began = time.process_time()
    for way in ways[3:]:
        way()
    return time.process_time() - began
