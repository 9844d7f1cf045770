"""A publisher of somebody else's, registered by command while a hub runs, sold, asked by the worker, activated."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import jwt

from partnerhub.drills.waiting import eventually
from partnerhub.drills.wire import call
from tests.scenarios.client import Line, Program
from tests.scenarios.harbour import API_VERSION, MARKETPLACE, Harbour
from tests.scenarios.hub import Hub

MOORINGS = Line("moorings", 2)


def test_it_is_sold_asked_and_activated(seller: Program, harbour: Harbour) -> None:
    (purchase,) = seller.buy(MOORINGS)
    link = seller.link(purchase)
    assert link.startswith(f"{harbour.url}/welcome?token=")
    assert harbour.welcome(link) == purchase.subscription_id
    waiting = seller.wait_for_blocker(purchase, "licenses_assigned")
    assert waiting.billing_started_at is None

    harbour.orders[purchase.subscription_id].status = "Subscribed"
    seller.wait_for_blocker(purchase, "licenses_assigned")
    harbour.finish(purchase.subscription_id)
    billed = seller.wait_for_billing(purchase)

    assert billed.said("licenses_assigned")["assigned_quantity"] == 2
    (charge,) = seller.charges(purchase)
    assert (charge.amount, charge.currency) == (Decimal("25"), "EUR")
    assert seller.ask("GET", seller.path(purchase))["publisherName"] == "Harbour"


def test_the_hub_asks_as_the_marketplace_and_proves_it(neighbour: Hub, seller: Program, harbour: Harbour) -> None:
    (purchase,) = seller.buy(MOORINGS)
    eventually(lambda: harbour.asked_about(purchase.subscription_id), within=20)
    question = harbour.asked_about(purchase.subscription_id)[0]

    assert question.path == f"/api/saas/subscriptions/{purchase.subscription_id}"
    assert question.query == {"api-version": [API_VERSION]}
    assert question.request_id
    token = question.authorization.removeprefix("Bearer ")
    neighbour.secrets.add(token)
    tenant = harbour.registration["tenant_id"]
    keys = jwt.PyJWKSet.from_dict(call("GET", f"{neighbour.base_url}/{tenant}/discovery/keys").json)
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=harbour.registration["client_id"])
    assert (claims["appid"], claims["tid"], claims["iss"]) == (MARKETPLACE, tenant, f"{neighbour.base_url}/{tenant}/")


def test_the_same_file_again_changes_nothing_and_betrays_no_secret(neighbour: Hub, harbour: Harbour) -> None:
    done = neighbour.manage("register_publisher", harbour.file)

    again = json.loads(done.stdout)
    assert done.returncode == 0
    assert (again["changed"], again["changes"]) == (False, [])
    first = {name: value for name, value in harbour.registration.items() if name != "client_secret"}
    assert again | {"changed": True, "changes": first["changes"]} == first


def test_poll_once_asks_what_is_due_when_nobody_else_does(neighbour: Hub, seller: Program, harbour: Harbour) -> None:
    with scheduler_stopped(neighbour):
        (purchase,) = seller.buy(MOORINGS)
        harbour.finish(harbour.welcome(seller.link(purchase)))
        assert seller.gates(purchase).billing_started_at is None
        done = neighbour.manage("poll_once")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["activated"] == 1
        assert seller.gates(purchase).billing_started_at is not None

    seller.wait_for_billing(purchase)


@contextmanager
def scheduler_stopped(hub: Hub) -> Iterator[None]:
    """Nothing ticks meanwhile, and the worker has finished the round of questions it was at."""
    scheduler = hub.process("scheduler")
    assert scheduler is not None
    os.kill(scheduler.pid, signal.SIGSTOP)
    try:
        eventually(lambda: hub.pollers() == set(), within=40, what="The end of the round")
        yield
    finally:
        os.kill(scheduler.pid, signal.SIGCONT)
