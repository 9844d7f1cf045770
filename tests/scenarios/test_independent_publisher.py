"""A publisher written from the contract alone lives through everything, and its book is the hub's at each step."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from partnerhub.drills.waiting import eventually
from partnerhub.drills.wire import call
from tests.scenarios.client import Line, Program, Purchase
from tests.scenarios.hub import Charge, free_port
from tests.scenarios.independent.book import Account, Mind
from tests.scenarios.independent.publisher import POLL, PUSH, Publisher, open_for_business
from tests.scenarios.independent.signature import MARKETPLACE
from tests.scenarios.own_clock import HubWithItsOwnClock

SECOND = timedelta(seconds=1)
SILENCE = timedelta(seconds=11)
MONTH = timedelta(days=32)
STATUSES = {"pending": "PendingFulfillmentStart", "active": "Subscribed", "suspended": "Suspended"}
STATUSES["deleted"] = "Unsubscribed"


@dataclass
class Life:
    """One subscription, seen from both sides."""

    hub: HubWithItsOwnClock
    program: Program
    publisher: Publisher
    purchase: Purchase

    @property
    def account(self) -> Account:
        return self.publisher.accounts[self.purchase.subscription_id]

    @property
    def here(self) -> tuple[str, str, int]:
        """Status, plan and licences at the hub."""
        found = self.program.ask("GET", self.program.path(self.purchase))
        plan = next(item["plan"] for item in self.program.catalogue if item["id"] == found["offerId"])
        return STATUSES[found["status"]], plan, found["quantity"]

    @property
    def there(self) -> tuple[str, str, int | None]:
        """The same in the publisher's book."""
        return self.account.status, self.account.plan, self.account.quantity

    @property
    def charges(self) -> list[Charge]:
        return self.hub.charges(self.purchase.subscription_id)

    def both(self, status: str, plan: str, quantity: int) -> None:
        """Wait until both say this."""

        wanted = (status, plan, quantity)
        self.wait_for(lambda: self.here == self.there == wanted, f"{wanted} on both sides")

    def wait_for(self, check: Callable[[], Any], what: str) -> None:
        """Let the hub work, a second of its time after the other, until it is so."""

        def worked() -> Any:
            self.hub.work()
            self.hub.wait(SECOND)
            return check()

        try:
            eventually(worked, within=15, what=what, longest_pause=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.here} here, {self.there} there") from None

    def ask(self, mind: Mind = Mind.AGREES, **change: Any) -> None:
        """Ask for a change that the publisher takes so; nothing happens before it was asked."""
        self.account.mind = mind
        before = self.here
        plan = change.pop("plan", None)
        if plan is None:
            self.program.ask("PATCH", self.program.path(self.purchase), change, expect=200)
        else:
            item = next(item["id"] for item in self.program.catalogue if item["plan"] == plan)
            path = self.program.path(self.purchase, "/transitions")
            self.program.ask("POST", path, {"toCatalogItemId": item}, expect=200)
        assert self.here == before

    def refused(self, mind: Mind, **change: Any) -> str:
        """Ask for a change that the publisher refuses: the reason, once both sides are as they were."""
        before = self.here
        self.ask(mind, **change)
        statement = "SELECT last_error FROM subscriptions_operation WHERE subscription_id = %s AND status = 'failed'"
        known = len(self.hub.rows(statement, self.purchase.subscription_id))
        self.wait_for(lambda: len(self.hub.rows(statement, self.purchase.subscription_id)) > known, "The refusal")
        assert self.here == self.there == before
        latest = f"{statement} ORDER BY completed_at DESC LIMIT 1"
        return str(self.hub.rows(latest, self.purchase.subscription_id)[0][0])


@pytest.fixture
def hub(live_server: Any, monkeypatch: pytest.MonkeyPatch, settings: Any) -> HubWithItsOwnClock:
    settings.HUB_BASE_URL = live_server.url
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    return HubWithItsOwnClock(live_server.url, monkeypatch, settings)


@pytest.fixture
def begin(hub: HubWithItsOwnClock, tmp_path: Path) -> Iterator[Callable[[str], Life]]:
    """Open a publisher of this adapter, sell one subscription of five, and let the customer open its link."""
    with ExitStack() as ending:

        def opened(adapter: str) -> Life:
            publisher = ending.enter_context(open_for_business(free_port(), adapter))
            publisher.sign_up(hub.base_url, hub.register(publisher.document(), tmp_path))
            program = Program(hub)
            (purchase,) = program.buy(Line("planner", 5, "standard"))
            life = Life(hub, program, publisher, purchase)
            assert call("GET", program.link(purchase)).json["id"] == purchase.subscription_id
            return life

        yield opened


@pytest.mark.django_db(transaction=True)
def test_a_publisher_that_is_told_lives_through_everything(begin: Callable[[str], Life]) -> None:
    life = begin(PUSH)
    life.both("Subscribed", "standard", 5)
    life.wait_for(lambda: [charge.quantity for charge in life.charges] == [5], "The first charge")

    life.ask(quantity=8)
    life.both("Subscribed", "standard", 8)
    life.ask(plan="premium")
    life.both("Subscribed", "premium", 8)
    assert life.refused(Mind.DECLINES, quantity=9) == "The publisher answered 400: We have no more of these."
    assert life.refused(Mind.REFUSES, quantity=10) == "The publisher refused."

    life.ask(Mind.KEEPS_SILENT, quantity=11)
    life.hub.work()
    life.hub.wait(SILENCE)
    life.both("Subscribed", "premium", 11)
    assert len(life.account.done) == len(set(life.account.done)) == 3

    life.hub.wait(MONTH)
    ended = life.account.term_end
    life.both("Subscribed", "premium", 11)
    life.wait_for(lambda: life.account.term_end > ended, "The next term in the publisher's book")
    renewed = life.program.ask("GET", life.program.path(life.purchase))
    assert life.account.term_end[:10] == renewed["commitmentEndDate"][:10]

    set_status(life, "suspended")
    life.both("Suspended", "premium", 11)
    set_status(life, "active")
    life.both("Subscribed", "premium", 11)
    set_status(life, "deleted")
    life.wait_for(lambda: life.account.status == "Unsubscribed", "The end in the publisher's book")
    assert life.here[0] == "Unsubscribed"
    assert life.publisher.turned_away == []
    assert set(life.publisher.heard) == {"ChangeQuantity", "ChangePlan", "Renew", "Suspend", "Reinstate", "Unsubscribe"}
    call_command("verify_ledger", stdout=StringIO())


@pytest.mark.django_db(transaction=True)
def test_a_publisher_that_is_asked_lives_through_everything(begin: Callable[[str], Life]) -> None:
    life = begin(POLL)
    life.both("Subscribed", "standard", 5)
    life.wait_for(lambda: [charge.quantity for charge in life.charges] == [5], "The first charge")

    life.ask(quantity=8)
    life.both("Subscribed", "standard", 8)
    life.ask(plan="premium")
    life.both("Subscribed", "premium", 8)
    assert life.refused(Mind.DECLINES, quantity=9) == "The publisher answered 400: We have no more of these."
    assert life.refused(Mind.REFUSES, quantity=10) == "The publisher's operation ended as Failed."
    life.account.mind = Mind.AGREES
    life.program.ask("PATCH", life.program.path(life.purchase), {"scheduledNextTermInstructions": {"quantity": 6}})

    life.hub.wait(MONTH)
    life.both("Subscribed", "premium", 6)
    assert len(life.account.done) == 3

    set_status(life, "deleted")
    life.both("Unsubscribed", "premium", 6)
    assert life.publisher.turned_away == []
    call_command("verify_ledger", stdout=StringIO())


@pytest.mark.django_db(transaction=True)
def test_it_reads_all_its_subscriptions_page_by_page(begin: Callable[[str], Life]) -> None:
    life = begin(PUSH)
    more = life.program.buy(*repeat(Line("planner", 2, "premium"), 100))

    listed = life.publisher.run(life.publisher.marketplace.everything())

    assert [one["id"] for one in listed[:1]] == [life.purchase.subscription_id]
    assert {one["id"] for one in listed[1:]} == {purchase.subscription_id for purchase in more}
    assert len(listed) == 101


@pytest.mark.django_db(transaction=True)
def test_it_can_tell_a_stranger_from_the_marketplace(begin: Callable[[str], Life]) -> None:
    publisher = begin(PUSH).publisher
    # Signed by the marketplace too, but for calls in the other direction.
    token = publisher.run(publisher.marketplace.sign_in())
    head, body, signature = token.split(".")

    tried = ["", "nonsense", f"{head}.{body}.{signature[:-4]}AAAA", token]
    answers = [call("POST", f"{publisher.address}/webhook", body={}, token=one).status for one in tried]

    assert answers == [401, 403, 403, 403]
    assert publisher.turned_away[2:] == ["the signature is not the marketplace's", f"aud is '{MARKETPLACE}'"]


def set_status(life: Life, status: str) -> None:
    """Set it at the hub as soon as nothing else is under way."""
    open_ones = "SELECT 1 FROM subscriptions_operation WHERE subscription_id = %s AND completed_at IS NULL"
    life.wait_for(lambda: not life.hub.rows(open_ones, life.purchase.subscription_id), "The end of what was before")
    body = {"status": status, "cancellationReason": "Not needed any more."}
    reply = life.program.call("PATCH", life.program.path(life.purchase), body)
    assert reply.status in (200, 202), reply.text
