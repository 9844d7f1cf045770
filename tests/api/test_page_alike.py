"""Page and API refuse alike: for each act, role and state the one meets the code that the other answers with."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.policy import Role
from accounts.services.personal_tokens import make_token
from accounts.tokens import PARTNER_CENTER, Version, issue
from billing.models import Invoice
from billing.services.invoices import mark_paid
from customers.api.examples import NEW_CUSTOMER
from customers.forms import customer_values
from customers.models import Customer
from partnerhub.outbox.models import Event, Refusal
from publishers.models import Offer, PlanTerm
from subscriptions.changes import Change
from subscriptions.models import Cart, ChangeRequest, Subscription
from subscriptions.services.carts import LineRequest, create_cart
from subscriptions.services.edits import rename
from subscriptions.services.ending import cancel
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import ask, decline
from subscriptions.services.suspension import suspend
from tests.factories.accounts import ClientFactory, UserFactory, actor
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.invoices import AFTERWARDS, finalized
from tests.factories.publishers import OfferFactory, PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db

ROLES = (Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT)
EVERYBODY = (*ROLES, Role.PLATFORM_ADMIN)
SOON, LATE = NOON + timedelta(hours=1), NOON + timedelta(days=8)
WEEK = timedelta(days=7)
ADMIN = actor(Role.ADMIN_AGENT)
DONE, NOTHING = "done", "nothing"
OWNERS = ("program", "person")

Call = Callable[["Doors", Subscription], HttpResponse]


class Doors:
    """The pages, signed in, and the API: both in one role."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.user = UserFactory(active_role=role, roles=[role])
        self.browser = Client()
        self.client = ClientFactory(role=role)
        self.api = APIClient()

    def open(self, at: datetime, owner: str) -> None:
        """Sign in, and call the API with a token, of a program or of the person who is signed in: good at a moment."""
        self.browser.force_login(self.user)
        token = self.token(at) if owner == "program" else self.personal_token(at)
        self.api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    def token(self, at: datetime) -> str:
        return issue(self.client, audience=PARTNER_CENTER, version=Version.V1, at=at).access_token

    def personal_token(self, at: datetime) -> str:
        expires_at = at + timedelta(hours=1)
        return make_token(self.user.actor(), name="Mine", role=self.role, expires_at=expires_at, at=at)[1]

    def met_on_page(self, act: "Act", found: Subscription) -> str:
        """The code of the refusal that a page shows and keeps; else whether anything was done."""
        with forgotten():
            before, response = happened(), act.page(self, found)
            kept = [row.code for row in Refusal.objects.all()]
            if kept:
                assert response.status_code != 200
                return kept[-1]
            return "invalid_input" if response.status_code == 422 else DONE if happened() > before else NOTHING

    def met_by_program(self, act: "Act", found: Subscription) -> str:
        """The word behind the API's refusal; else whether anything was done."""
        with forgotten():
            before, response = happened(), act.api(self, found)
            if response.status_code < 400:
                return DONE if happened() > before else NOTHING
            return str(response.json()["data"][0])


@contextmanager
def forgotten() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def happened() -> int:
    return Event.objects.count()


# The states


def in_flight(term: PlanTerm) -> Subscription:
    subscription = active(quantity=7, term=term)
    change_quantity(ADMIN, subscription.pk, quantity=8, version=None, at=SOON)
    return subscription


def suspended(term: PlanTerm) -> Subscription:
    return suspend(ADMIN, active(quantity=7, term=term).pk, reason="Not paid", version=None, at=SOON)


def ended(term: PlanTerm) -> Subscription:
    subscription = active(quantity=7, term=term)
    return cancel(ADMIN, subscription.pk, reason="Twice", version=None, at=SOON, hold=False)


STATES: dict[str, tuple[Callable[[PlanTerm], Subscription], datetime]] = {
    "pending": (lambda term: buy(quantity=7, term=term), SOON),
    "in its windows": (lambda term: active(quantity=7, term=term), SOON),
    "after its windows": (lambda term: active(quantity=7, term=term), LATE),
    "with a change in flight": (in_flight, SOON),
    "suspended": (suspended, SOON),
    "ended": (ended, SOON),
}
# A program sends what it wants to be so. Where it is so already nothing is done, while a page says why there is nothing
# to press.
SO_ALREADY = {
    ("suspend", "suspended"),
    ("cancel", "ended"),
    ("auto-renew off", "suspended"),
    ("auto-renew off", "ended"),
    *(("reinstate", state) for state in STATES if state not in ("suspended", "ended")),
}

# Whoever may neither do nor ask is refused before the state is looked at; who asks meets what would be met by doing it.
STATES_OF = {
    Role.OPS_AGENT: ("in its windows",),
    Role.SALES_AGENT: ("in its windows", "with a change in flight"),
}
# What depends on what is typed, not on the state.
IN_DETAIL = ("too many licences", "an unfit reseller", "rename at once")


# The acts


@dataclass(frozen=True)
class Act:
    """One thing to do, at both doors."""

    page: Call
    api: Call


def change(kind: str, typed: dict[str, Any], body: dict[str, Any], call: Call | None = None) -> Act:
    """A change in a dialog of two steps; whoever may only ask asks by the same dialog, and by a request."""

    def on_page(doors: Doors, found: Subscription) -> HttpResponse:
        url = page_of(doors, found, kind)
        given = {"version": found.version, "reason": "Because"} | typed
        shown = doors.browser.post(url, given)
        form = shown.context["form"] if shown.status_code == 200 else None
        return doors.browser.post(url, given | {"quote": form.data["quote"]}) if form else shown

    def by_program(doors: Doors, found: Subscription) -> HttpResponse:
        if doors.role == Role.SALES_AGENT:
            return doors.api.post(path_of(found, "/changerequests"), body | {"reason": "Because"}, format="json")
        return call(doors, found) if call else doors.api.patch(path_of(found), body, format="json")

    return Act(on_page, by_program)


def page_of(doors: Doors, found: Subscription, kind: str) -> str:
    if doors.role != Role.SALES_AGENT and kind in ("nickname", "cancel"):
        return reverse({"nickname": "subscriptions:rename", "cancel": "subscriptions:cancel"}[kind], args=[found.pk])
    return reverse("subscriptions:change", args=[found.pk, kind])


def path_of(found: Subscription, rest: str = "") -> str:
    return f"/v1/customers/{found.customer_id}/subscriptions/{found.pk}{rest}"


def press(name: str, rest: str, method: str = "post") -> Act:
    """One button, one call."""
    return Act(
        lambda doors, found: doors.browser.post(reverse(name, args=[found.pk])),
        lambda doors, found: getattr(doors.api, method)(path_of(found, rest)),
    )


def direct(name: str, typed: dict[str, Any], body: dict[str, Any]) -> Act:
    """What is done at once where the role may, and refused where it may not."""
    return Act(
        lambda doors, found: doors.browser.post(
            reverse(name, args=[found.pk]), {"version": found.version, "reason": "Because"} | typed
        ),
        lambda doors, found: doors.api.patch(path_of(found), body, format="json"),
    )


def acts(other: PlanTerm, yearly: PlanTerm) -> dict[str, Act]:
    reseller, unsigned = ResellerFactory().pk, ResellerFactory(agreement_signed_at=None).pk
    agreed = {"agreement": "T-1", "agreed_refund": "none"}
    deleted = {"status": "deleted", "publisherAgreement": "T-1", "agreedRefund": "None"}
    plan = {"toCatalogItemId": other.catalog_item_id}
    next_term = {"product": {"skuId": other.plan.sku_id, "termDuration": other.term}}
    return {
        "rename": change("nickname", {"nickname": "Other"}, {"friendlyName": "Other"}),
        "add licences": change("quantity", {"quantity": 9}, {"quantity": 9}),
        "remove licences": change("quantity", {"quantity": 6}, {"quantity": 6}),
        "too many licences": change("quantity", {"quantity": 101}, {"quantity": 101}),
        "auto-renew off": change("auto-renew", {"auto_renew": "off"}, {"autoRenewEnabled": False}),
        "another billing": change(
            "billing-frequency",
            {"plan_term": str(yearly.pk)},
            {"scheduledNextTermInstructions": {"product": {"billingCycle": yearly.billing_cycle}}},
        ),
        "another plan": change(
            "plan",
            {"plan_term": str(other.pk)},
            plan,
            lambda doors, found: doors.api.post(path_of(found, "/transitions"), plan, format="json"),
        ),
        "a reseller": change("reseller", {"partner_id": reseller}, {"partnerId": reseller}),
        "an unfit reseller": change("reseller", {"partner_id": unsigned}, {"partnerId": unsigned}),
        "schedule": change(
            "renewal",
            {"quantity": 6, "plan_term": str(other.pk)},
            {"scheduledNextTermInstructions": next_term | {"quantity": 6}},
        ),
        "suspend": change("suspend", {}, {"status": "suspended"}),
        "reinstate": change("reinstate", {}, {"status": "active"}),
        "cancel": change("cancel", agreed, deleted),
        "rename at once": direct("subscriptions:rename", {"nickname": "Other"}, {"friendlyName": "Other"}),
        "poll": press("subscriptions:ask", "/poll"),
        "remind": press("subscriptions:remind", "/remind"),
        "link": press("go_copy", "/activationlinks", "get"),
    }


@pytest.mark.exhaustive
def test_each_act_meets_the_same_at_both_doors(subtests: pytest.Subtests) -> None:
    term = PlanTermFactory(term="P1Y", billing_cycle="monthly")
    yearly = PlanTermFactory(plan=term.plan, term="P1Y", billing_cycle="annual")
    other = PlanTermFactory(plan=PlanFactory(offer=term.plan.offer, sku_id="0002"), term="P1Y", billing_cycle="monthly")
    built = {name: (make(term), at) for name, (make, at) in STATES.items()}
    known, doors_of = acts(other, yearly), [Doors(role) for role in ROLES]
    for number, (state, (found, at)) in enumerate(built.items()):
        found.refresh_from_db()
        with time_machine.travel(at, tick=False):
            for doors in doors_of:
                if state not in STATES_OF.get(doors.role, STATES):
                    continue
                doors.open(at, OWNERS[number % 2])
                for name, act in known.items():
                    if name in IN_DETAIL and state != "in its windows":
                        continue
                    with subtests.test(f"{name} as {doors.role} {state}"):
                        met = doors.met_on_page(act, found), doors.met_by_program(act, found)
                        assert met[0] == met[1] or (
                            (name, state) in SO_ALREADY and met[1] in (NOTHING, "nothing_asked")
                        )


# Besides subscriptions: each act with the code that both doors meet for who may; others are refused by their role

MAY_NOT = "not_permitted"


@dataclass(frozen=True)
class Case:
    """Something to do that only some roles may, and what they meet."""

    name: str
    page: Callable[[Doors], HttpResponse]
    api: Callable[[Doors], HttpResponse]
    met: str
    roles: tuple[Role, ...] = (Role.ADMIN_AGENT,)


def check_alike(cases: list[Case], subtests: pytest.Subtests, at: datetime) -> None:
    """Each case by all roles that may and, in turns, by one that may not.

    That no other role gets in anywhere either is tried in tests/web/test_page_grants.py, tests/api/test_described.py.
    """
    for owner, role in zip(OWNERS * 2, EVERYBODY, strict=True):
        doors = Doors(role)
        doors.open(at, owner)
        for case in [case for place, case in enumerate(cases) if role in who_tries(case, place)]:
            with subtests.test(f"{case.name} as {role}"):
                act = Act(lambda doors, _, case=case: case.page(doors), lambda doors, _, case=case: case.api(doors))
                expected = case.met if role in case.roles else MAY_NOT
                assert (doors.met_on_page(act, None), doors.met_by_program(act, None)) == (expected, expected)


def who_tries(case: Case, place: int) -> set[Role]:
    refused = [role for role in EVERYBODY if role not in case.roles]
    return {*case.roles, refused[place % len(refused)]}


def line_case(name: str, customer: Customer, term: PlanTerm, met: str, quantity: int = 7) -> Case:
    item = term.catalog_item_id
    typed = {"catalog_item": item, "quantity": quantity}
    return Case(
        name,
        lambda doors: doors.browser.post(reverse("customers:configure", args=[customer.pk, item]), typed),
        lambda doors: doors.api.post(
            f"/v1/customers/{customer.pk}/carts",
            {"lineItems": [{"catalogItemId": item, "quantity": quantity}]},
            format="json",
        ),
        met,
        (Role.ADMIN_AGENT, Role.SALES_AGENT),
    )


def checkout_case(name: str, cart: Cart, met: str) -> Case:
    return Case(
        name,
        lambda doors: doors.browser.post(
            reverse("customers:review", args=[cart.customer_id, cart.pk]), {"attested": "on"}
        ),
        lambda doors: doors.api.post(f"/v1/customers/{cart.customer_id}/carts/{cart.pk}/checkout"),
        met,
        (Role.ADMIN_AGENT, Role.SALES_AGENT),
    )


def test_buying_meets_the_same_at_both_doors(subtests: pytest.Subtests) -> None:
    term, dollars, once = PlanTermFactory(), PlanTermFactory(amounts={"USD": "1.00"}), PlanTermFactory()
    Offer.objects.filter(pk=once.plan.offer_id).update(one_per_customer=True)
    customer, left = CustomerFactory(), CustomerFactory(relationship_ended_at=NOON)
    abroad = PlanTermFactory(plan=PlanFactory(offer=OfferFactory(countries=["US"])))
    buy(customer=customer, term=once)
    line = LineRequest(term.catalog_item_id, 7)
    fresh, old = (create_cart(ADMIN, customer.pk, [line], attested=True, at=at) for at in (SOON, NOON - WEEK))
    with time_machine.travel(SOON, tick=False):
        check_alike(
            [
                line_case("too many", customer, term, "quantity_out_of_range", quantity=101),
                line_case("not in its currency", customer, dollars, "no_price_in_currency"),
                line_case("not in its country", customer, abroad, "not_sold_in_country"),
                line_case("once only", customer, once, "one_per_customer"),
                line_case("who has left", left, term, "customer_relationship_ended"),
                checkout_case("order", fresh, DONE),
                checkout_case("order too late", old, "cart_expired"),
            ],
            subtests,
            SOON,
        )


def customer_case(name: str, customer: Customer, met: str, typed: dict[str, Any], body: dict[str, Any]) -> Case:
    shown = customer_values(customer) | {"version": customer.version} | typed
    return Case(
        name,
        lambda doors: doors.browser.post(reverse("customers:edit", args=[customer.pk]), shown),
        lambda doors: doors.api.patch(f"/v1/customers/{customer.pk}", body, format="json"),
        met,
    )


def leaving_case(name: str, customer: Customer, met: str) -> Case:
    typed = {"version": customer.version, "reason": "They left"}
    return Case(
        name,
        lambda doors: doors.browser.post(reverse("customers:relationship", args=[customer.pk]), typed),
        lambda doors: doors.api.patch(
            f"/v1/customers/{customer.pk}",
            {"relationshipToPartner": "none", "relationshipReason": "They left"},
            format="json",
        ),
        met,
    )


def new_case(name: str, met: str, like: Customer, domain: str) -> Case:
    typed = customer_values(like) | {"domain": domain}
    body = json.loads(json.dumps(NEW_CUSTOMER))
    body["companyProfile"]["domain"] = domain
    del body["associatedPartnerId"]
    return Case(
        name,
        lambda doors: doors.browser.post(reverse("customers:new"), typed),
        lambda doors: doors.api.post("/v1/customers", body, format="json"),
        met,
    )


def test_customers_meet_the_same_at_both_doors(subtests: pytest.Subtests) -> None:
    buyer, other = buy().customer, CustomerFactory()
    unsigned = ResellerFactory(agreement_signed_at=None).pk
    vat_id = {"companyProfile": {"organizationRegistrationNumber": "DE000000000"}}
    with time_machine.travel(SOON, tick=False):
        check_alike(
            [
                new_case("new", DONE, other, "new.example"),
                new_case("new with another's domain", "domain_taken", other, other.domain),
                customer_case("rename", other, DONE, {"city": "Bonn"}, {"billingProfile": city("Bonn")}),
                customer_case(
                    "another's domain",
                    other,
                    "domain_taken",
                    {"domain": buyer.domain},
                    {"companyProfile": {"domain": buyer.domain}},
                ),
                customer_case("no VAT ID", other, "vat_id_invalid", {"vat_id": "DE000000000"}, vat_id),
                customer_case(
                    "another currency",
                    buyer,
                    "currency_in_use",
                    {"currency": "USD"},
                    {"billingProfile": {"currencyCode": "USD"}},
                ),
                customer_case(
                    "an unfit reseller",
                    other,
                    "reseller_agreement_missing",
                    {"partner_id": unsigned},
                    {"associatedPartnerId": unsigned},
                ),
                leaving_case("leave", other, DONE),
                leaving_case("leave while something lives", buyer, "live_subscriptions"),
            ],
            subtests,
            SOON,
        )


def city(name: str) -> dict[str, Any]:
    return {"defaultAddress": {"city": name}}


def decision_case(name: str, asked: ChangeRequest, word: str, met: str) -> Case:
    """Approving takes two steps on its page."""
    path = path_of(asked.subscription, f"/changerequests/{asked.pk}/{word}")

    def on_page(doors: Doors) -> HttpResponse:
        url = reverse(f"requests:{word}", args=[asked.pk])
        shown = doors.browser.post(url, {"reason": "Because"})
        quoted = shown.status_code == 200 and word == "approve"
        quote = shown.context["form"].data["quote"] if quoted else ""
        return doors.browser.post(url, {"reason": "Because", "quote": quote}) if quoted else shown

    return Case(name, on_page, lambda doors: doors.api.post(path, {"reason": "Because"}, format="json"), met)


def test_deciding_meets_the_same_at_both_doors(subtests: pytest.Subtests) -> None:
    sales = actor(Role.SALES_AGENT)
    open_one, moved, over, closed = (
        ask(sales, active().pk, Change(nickname="Other"), reason="It is another", at=SOON) for _ in range(4)
    )
    rename(ADMIN, moved.subscription_id, nickname="Theirs", version=None, at=SOON)
    ChangeRequest.objects.filter(pk=over.pk).update(expires_at=SOON)
    decline(ADMIN, closed.pk, reason="No", at=SOON)
    with time_machine.travel(SOON, tick=False):
        check_alike(
            [
                decision_case(f"{word} {name}", asked, word, met)
                for word in ("approve", "decline")
                for name, asked, met in [
                    ("open", open_one, DONE),
                    ("moved", moved, "request_moved"),
                    ("over", over, "request_moved"),
                    ("closed", closed, "request_closed"),
                ]
            ],
            subtests,
            SOON,
        )


KEEPERS = (Role.ADMIN_AGENT, Role.PLATFORM_ADMIN)


def payment_case(name: str, invoice: Invoice, word: str, typed: dict[str, Any], body: dict[str, Any], met: str) -> Case:
    return Case(
        name,
        lambda doors: doors.browser.post(reverse("billing:act", args=[invoice.pk, word]), typed),
        lambda doors: doors.api.put(f"/v1/invoices/{invoice.number}/payment", body, format="json"),
        met,
        KEEPERS,
    )


def test_paying_meets_the_same_at_both_doors(subtests: pytest.Subtests, billing_data: None) -> None:
    active()
    unpaid = finalized()
    paying = {"reference": "T-1"}, {"isPaid": True, "reference": "T-1"}
    taking_back = {"reason": "Bounced"}, {"isPaid": False, "reason": "Bounced"}
    with time_machine.travel(AFTERWARDS, tick=False):
        check_alike([payment_case("pay", unpaid, "paid", *paying, DONE)], subtests, AFTERWARDS)
        mark_paid(ADMIN, unpaid.pk, reference="T-0", at=AFTERWARDS)
        again = payment_case("pay otherwise", unpaid, "paid", *paying, "invoice_state_forbids")
        check_alike([again, payment_case("take back", unpaid, "unpaid", *taking_back, DONE)], subtests, AFTERWARDS)
