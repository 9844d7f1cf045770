"""Every form and operation about one subscription × every state that it can be in, for a role that holds the grant.

Each row says what is met in which state: at both doors the same word, and nothing has happened where it is a refusal.
What the page offers beforehand is what is then accepted. Other roles are refused before the state is looked at:
tests/web/test_page_grants.py, tests/api/test_described.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.http import HttpResponse
from django.urls import reverse

from accounts.policy import Role
from partnerhub.errors import HubError
from partnerhub.outbox.models import Refusal
from publishers.models import PlanTerm
from subscriptions.changes import Change
from subscriptions.enums import Control
from subscriptions.models import Subscription
from subscriptions.services.customer_pages import send_page
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import ask
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.views.controls import controls_of
from tests.api.test_page_alike import ADMIN, DONE, LATE, NOTHING, SOON, Act, Doors, acts, forgotten, happened, path_of
from tests.api.test_page_alike import STATES as MADE
from tests.api.test_page_alike import change as alike
from tests.api.world import OPERATIONS
from tests.factories.accounts import actor
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import active, buy, hear, said
from tests.web.page_grants import GRANTS
from tests.web.page_world import pages

pytestmark = pytest.mark.django_db
SALES = actor(Role.SALES_AGENT)
NOT_FOUND = "not_found"
LETTER = {"recipient": "it@x.example", "subject": "Set-up", "body": "Hello {contact}", "language": "en"}


def held(term: PlanTerm) -> Subscription:
    found = active(quantity=7, term=term)
    change_quantity(ADMIN, found.pk, quantity=6, version=None, at=SOON)
    return found


def not_renewing(term: PlanTerm) -> Subscription:
    return set_auto_renew(ADMIN, active(quantity=7, term=term).pk, auto_renew=False, version=None, hold=False, at=SOON)


def action_required(term: PlanTerm) -> Subscription:
    found = buy(quantity=7, term=term)
    return hear(found, said(found, "PendingFulfillmentStart", message="Sign the contract"), SOON)


STATES: dict[str, tuple[Callable[[PlanTerm], Subscription], datetime]] = {
    "pending": MADE["pending"],
    "action": (action_required, SOON),
    "active": MADE["in its windows"],
    "late": (lambda term: active(quantity=7, term=term), LATE),
    "changing": MADE["with a change in flight"],
    "held": (held, SOON),
    "ending": (not_renewing, SOON),
    "suspended": MADE["suspended"],
    "ended": MADE["ended"],
}


@dataclass(frozen=True)
class Row:
    """What is done, by which page and operation; `control` is what the page offers for it."""

    act: Act
    page: str
    operation: str
    control: Control | None = None


class Told(Doors):
    """As both doors tell it, also where something is not there."""

    def met_on_page(self, act: Act, found: Subscription) -> str:
        with forgotten():
            before, response = happened(), act.page(self, found)
            kept = Refusal.objects.order_by("pk").last()
            if kept is not None or response.status_code in (404, 422):
                assert happened() == before
                return kept.code if kept else {404: NOT_FOUND, 422: "invalid_input"}[response.status_code]
            return DONE if happened() > before else NOTHING

    def met_by_program(self, act: Act, found: Subscription) -> str:
        with forgotten():
            before, response = happened(), act.api(self, found)
            if response.status_code < 400:
                return DONE if happened() > before else NOTHING
            assert happened() == before
            return str(response.json()["data"][0])


def about(found: Subscription, name: str) -> Any:
    """The id of what a state has of a kind, or one of nothing."""
    kinds = {"operation": found.operations, "request": found.change_requests, "page": found.customer_pages}
    return getattr(kinds[name].first(), "pk", None) or uuid4()


def sent(page: str, rest: str, typed: dict[str, Any], body: dict[str, Any] | None = None, of: str = "") -> Act:
    """A form that is sent as it is, and its call; `of` names the kind of what is named besides the subscription."""

    def ids(found: Subscription) -> list[Any]:
        return [about(found, of)] if of else []

    def on_page(doors: Doors, found: Subscription) -> HttpResponse:
        args = ids(found) if page.startswith("requests:") else [found.pk, *ids(found)]
        given = {"version": found.version, "page": str(uuid4())} | typed
        return doors.browser.post(reverse(page, args=args), given)

    def by_program(doors: Doors, found: Subscription) -> HttpResponse:
        return doors.api.post(path_of(found, rest.format(*ids(found))), typed if body is None else body, format="json")

    return Act(on_page, by_program)


CHANGE = "subscriptions:change"


def scheduling(other: PlanTerm) -> Act:
    product = {"skuId": other.plan.sku_id, "termDuration": other.term}
    given = {"plan_term": str(other.pk), "quantity": 7}
    return alike("renewal", given, {"scheduledNextTermInstructions": {"product": product, "quantity": 7}})


def rows(other: PlanTerm, yearly: PlanTerm) -> dict[str, Row]:
    known = acts(other, yearly)
    change = "changeSubscription"
    return {
        "rename": Row(known["rename"], "subscriptions:rename", change, Control.RENAME),
        "add licences": Row(known["add licences"], CHANGE, change, Control.INCREASE),
        "remove licences": Row(known["remove licences"], CHANGE, change, Control.REDUCE),
        "auto-renew off": Row(known["auto-renew off"], CHANGE, change, Control.AUTO_RENEW),
        "another plan": Row(known["another plan"], CHANGE, "changePlan", Control.CHANGE_PLAN),
        "a reseller": Row(known["a reseller"], CHANGE, change, Control.CHANGE_RESELLER),
        "schedule": Row(scheduling(other), CHANGE, change, Control.SCHEDULE),
        "suspend": Row(known["suspend"], CHANGE, change, Control.SUSPEND),
        "reinstate": Row(known["reinstate"], CHANGE, change, Control.REINSTATE),
        "cancel": Row(known["cancel"], "subscriptions:cancel", change, Control.CANCEL),
        "unschedule": Row(
            sent("subscriptions:unschedule", "/unschedule", {}), "subscriptions:unschedule", "unscheduleRenewal"
        ),
        "poll": Row(known["poll"], "subscriptions:ask", "pollSubscription"),
        "remind": Row(known["remind"], "subscriptions:remind", "remindCustomer"),
        "link": Row(known["link"], "go_copy", "mintLink"),
        "note": Row(sent("subscriptions:note", "/notes", {"text": "Called"}), "subscriptions:note", "addNote"),
        "letter": Row(sent("subscriptions:send", "/customerpages", LETTER), "subscriptions:send", "sendCustomerPage"),
        "revoke": Row(
            sent("subscriptions:revoke_page", "/customerpages/{}/revoke", {}, of="page"),
            "subscriptions:revoke_page",
            "revokeCustomerPage",
        ),
        "renewal notice": Row(
            sent("subscriptions:renewal_notice", "/renewalnotices", {}),
            "subscriptions:renewal_notice",
            "sendRenewalNotice",
        ),
        "undo": Row(
            sent("subscriptions:undo", "/operations/{}/undo", {}, of="operation"), "subscriptions:undo", "undoOperation"
        ),
        "hurry": Row(
            sent("subscriptions:hurry", "/operations/{}/hurry", {}, of="operation"),
            "subscriptions:hurry",
            "hurryOperation",
        ),
        "let be": Row(
            sent("attention:let_be", "/operations/{}/letbe", {}, of="operation"), "attention:let_be", "letOperationBe"
        ),
        "press": Row(
            sent("attention:press", "/operations/{}/poll", {}, of="operation"), "attention:press", "pollOperation"
        ),
        "decline": Row(
            sent("requests:decline", "/changerequests/{}/decline", {"reason": "No"}, of="request"),
            "requests:decline",
            "declineChangeRequest",
        ),
    }


def dressed(found: Subscription, at: datetime) -> Subscription:
    """With a request, a page that was sent and something scheduled, as far as its state lets there be such."""
    for dress in (
        lambda: ask(SALES, found.pk, Change(nickname="Other"), reason="They were renamed", at=at),
        lambda: send_page(SALES, found.pk, page_id=uuid4(), **LETTER, at=at),
        lambda: schedule_renewal(ADMIN, found.pk, quantity=5, version=None, at=at),
    ):
        try:
            dress()
        except HubError:
            continue
    return Subscription.objects.get(pk=found.pk)


# What is met in which states, at both doors; where none is named it is done.

NOT_YET = {"not_activated_yet": "pending action"}
OVER = {"subscription_ended": "ended"}
BUSY = {"operation_pending": "changing held"}
ONLY_WAITING = {"nothing_to_remind": "active late changing held ending suspended ended"}
WITHOUT_CHANGE = {NOT_FOUND: "pending action active late ending"}
MET: dict[str, dict[str, str]] = {
    "rename": OVER,
    "add licences": NOT_YET | BUSY | OVER | {"quantity_while_suspended": "suspended"},
    "remove licences": NOT_YET
    | BUSY
    | OVER
    | {"reduction_window_closed": "late", "quantity_while_suspended": "suspended"},
    "auto-renew off": BUSY | OVER | {"nothing_asked": "ending suspended"},
    "another plan": NOT_YET | BUSY | OVER | {"subscription_suspended": "suspended"},
    "a reseller": BUSY | OVER,
    "schedule": NOT_YET | OVER | {"auto_renew_off": "ending", "subscription_suspended": "suspended"},
    "suspend": NOT_YET | BUSY | OVER | {"status_forbids": "suspended"},
    "reinstate": NOT_YET | BUSY | OVER | {"status_forbids": "active late ending"},
    "cancel": BUSY | OVER | {"cancellation_window_closed": "late"},
    "unschedule": {"nothing_scheduled": "pending action ending suspended ended"},
    "poll": {"nothing_to_poll": "active late changing held ending suspended ended"},
    "remind": ONLY_WAITING,
    "link": OVER,
    "note": {},
    "letter": ONLY_WAITING,
    "revoke": {NOT_FOUND: "active late changing held ending suspended ended"},
    "renewal notice": {"nothing_to_remind": "pending action ending suspended ended"},
    "undo": WITHOUT_CHANGE | {"too_late_to_undo": "changing suspended ended"},
    "hurry": WITHOUT_CHANGE | {"too_late_to_undo": "changing suspended ended"},
    "let be": WITHOUT_CHANGE | {"attention_settled": "changing held suspended ended"},
    "press": WITHOUT_CHANGE | {"nothing_to_poll": "held"},
    "decline": {NOT_FOUND: "ended"},
}
# Where it is so already a program's wish is granted by nothing, while a page says why there is nothing to press.
SO_ALREADY = {
    "auto-renew off": "ending suspended ended",
    "suspend": "suspended",
    "reinstate": "pending action active late changing held ending",
    "cancel": "ended",
}
# Elsewhere: what only shows, what makes another of these changes, and what is about a difference, not a state.
ELSEWHERE = {
    *("subscriptions:send_preview", "previewChange", "previewCustomerPage"),
    *("askForChange", "approveChangeRequest", "withdrawChangeRequest", "subscriptions:accept_divergence"),
}


def met_in(name: str, state: str) -> str:
    return next((code for code, states in MET[name].items() if state in states.split()), DONE)


@pytest.fixture
def known() -> tuple[PlanTerm, dict[str, Row]]:
    term = PlanTermFactory(term="P1Y", billing_cycle="monthly")
    yearly = PlanTermFactory(plan=term.plan, term="P1Y", billing_cycle="annual")
    other = PlanTermFactory(plan=PlanFactory(offer=term.plan.offer, sku_id="0002"), term="P1Y", billing_cycle="monthly")
    return term, rows(other, yearly)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("share", [12, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_in_each_state_what_is_offered_is_what_is_accepted(
    known: tuple[PlanTerm, dict[str, Row]], share: int, subtests: pytest.Subtests
) -> None:
    """Every control in every state; a share of the forms and calls, another in each state, or all."""
    (term, table), doors = known, Told(Role.ADMIN_AGENT)
    for number, (state, (make, at)) in enumerate(STATES.items()):
        with time_machine.travel(at, tick=False):
            found = dressed(make(term), at)
            doors.open(at, "program")
            offered = controls_of(doors.user.actor(), found, at)
            for place, (name, row) in enumerate(table.items()):
                expected, control = met_in(name, state), offered.get(row.control)
                with subtests.test(f"{name}, {state}"):
                    if control is not None and expected != "nothing_asked":
                        assert (control.why.code if control.why else DONE) == expected
                    if (number + place) % share == 0:
                        by_program = NOTHING if state in SO_ALREADY.get(name, "").split() else expected
                        assert doors.met_on_page(row.act, found) == expected
                        assert doors.met_by_program(row.act, found) == by_program


def test_every_form_and_operation_about_a_subscription_has_its_row(known: tuple[PlanTerm, dict[str, Row]]) -> None:
    table = known[1]
    forms = {name for name, route in pages().items() if "subscription_id" in route and GRANTS[name][1] is not None}
    calls = {name for name, (method, path, _) in OPERATIONS.items() if "{subscription_id}" in path and method != "get"}
    ours = {row.page for row in table.values()} | {row.operation for row in table.values()}
    assert forms | calls == (ours | ELSEWHERE) - {"mintLink", "requests:decline"}
    assert set(MET) == set(table)
    assert {state for met in MET.values() for states in met.values() for state in states.split()} <= set(STATES)
