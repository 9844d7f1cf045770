"""Change requests over Django's client: who sees what, deciding whole, in part or not at all, and only once."""

import html
import re
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.policy import SYSTEM, Role
from publishers.models import PlanTerm, Price
from subscriptions.changes import Change
from subscriptions.enums import Acceptance
from subscriptions.models import ChangeRequest, Operation, Quote, Subscription
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import ask, decline, void_if_moved
from subscriptions.services.settling import accept
from tests.factories.accounts import UserFactory, actor
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active

pytestmark = pytest.mark.django_db
IN_DIALOG = {"HX-Request": "true"}
WHY = "They hired four people"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def person(*roles: Role, name: str = "") -> User:
    return UserFactory(active_role=roles[0], roles=list(roles), **({"name": name} if name else {}))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def seller() -> User:
    return person(Role.SALES_AGENT, name="Piotr Zieliński")


@pytest.fixture
def sales(seller) -> Client:
    return signed_in(seller)


@pytest.fixture
def admin() -> Client:
    return signed_in(person(Role.ADMIN_AGENT, name="Anna Wiśniewska"))


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def asked_by(user: User, subscription: Subscription, quantity: int = 14) -> ChangeRequest:
    return ask(user.actor(), subscription.pk, Change(quantity=quantity), reason=WHY, at=NOON)


def url(page: str, asked: ChangeRequest) -> str:
    return reverse(f"requests:{page}", args=[asked.pk])


def review(client: Client, asked: ChangeRequest, **given):
    """The first step of approving: what it does now."""
    return client.post(url("approve", asked), given, headers=IN_DIALOG)


def confirm(client: Client, asked: ChangeRequest, shown, **given):
    return client.post(url("approve", asked), {"quote": shown.context["form"].data["quote"]} | given, headers=IN_DIALOG)


def state_of(asked: ChangeRequest) -> tuple[str, str, str]:
    found = ChangeRequest.objects.get(pk=asked.pk)
    return found.status, found.decided_by, found.decision


def business(subscription: Subscription) -> PlanTerm:
    """A dearer plan of the same offer."""
    plan = PlanFactory(offer=subscription.offer, title="Business", sku_id="0002")
    return PlanTermFactory(plan=plan, amounts={"EUR": "20.00"})


OPEN = ("open", "", "")


# Seeing


def test_an_admin_agent_sees_what_is_asked_for_what_it_cost_then_and_what_it_costs_now(admin, seller):
    subscription = active(quantity=10, nickname="Jena")
    asked = asked_by(seller, subscription)

    page = admin.get(reverse("requests:list"))
    words = text_of(page)
    now = text_of(admin.get(url("now", asked)))

    for expected in ("Jena", subscription.customer.name, "10 licences", "14 licences", WHY, seller.name, "€40.32"):
        assert expected in words
    assert 'aria-current="page">Open <span class="count">1</span>' in page.content.decode()
    assert f'hx-get="{url("now", asked)}"' in page.content.decode()
    assert now.strip() == "€40.32"


def test_the_money_of_now_says_that_it_moved_or_that_it_is_impossible(seller, clock):
    subscription = active(quantity=10)
    asked = asked_by(seller, subscription)

    later = NOON + timedelta(days=3)
    clock.move_to(later)
    admin = signed_in(person(Role.ADMIN_AGENT))
    moved = text_of(admin.get(url("now", asked)))
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=11, version=None, at=later)
    impossible = text_of(admin.get(url("now", asked)))

    assert moved.split() == ["€36.28", "no", "longer", "what", "was", "shown"]
    assert impossible.split()[:3] == ["Not", "possible", "now"]


def test_the_list_is_split_filtered_and_paged_by_the_url(admin, seller):
    first, second = active(quantity=10, nickname="First"), active(quantity=10, nickname="Second")
    asked_by(seller, first)
    declined = asked_by(person(Role.SALES_AGENT, name="Olga Nowak"), second)
    decline(actor(Role.ADMIN_AGENT), declined.pk, reason="No budget", at=NOON)

    def shown(**params) -> tuple[bool, bool]:
        words = text_of(admin.get(reverse("requests:list"), params))
        return "First" in words, "Second" in words

    assert shown() == (True, False)
    assert shown(state="decided") == (False, True)
    assert shown(who="zieliń") == (True, False)
    assert shown(state="decided", who="zieliń") == (False, False)
    assert shown(customer=first.customer.name) == (True, False)
    assert shown(customer="nobody has this name") == (False, False)
    assert shown(by="me") == (False, False)
    assert shown(subscription=str(first.pk)) == (True, False)
    assert shown(subscription="no-id") == (True, False)
    decided = text_of(admin.get(reverse("requests:list"), {"state": "decided"}))
    assert "Declined" in decided
    assert "“No budget”" in decided
    in_polish = text_of(admin.get(reverse("requests:list"), {"state": "decided"}, headers={"Accept-Language": "pl"}))
    assert "„No budget”" in in_polish


def test_pages_of_the_list_follow_each_other(admin, seller, monkeypatch):
    monkeypatch.setattr("subscriptions.views.requests.A_PAGE", 2)
    for number in range(3):
        asked_by(seller, active(quantity=10, nickname=f"Number {number}"))

    first = admin.get(reverse("requests:list"))
    second = admin.get(f"{reverse('requests:list')}{first.context['next_url']}")

    names = [row.subscription for page in (first, second) for row in page.context["rows"]]
    assert [len(page.context["rows"]) for page in (first, second)] == [2, 1]
    assert sorted(names) == [f"Number {number}" for number in range(3)]


def test_the_list_asks_the_database_as_often_for_more_rows(admin, seller):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(reverse("requests:list")).status_code == 200
        return len(captured)

    asked_by(seller, active(quantity=10))
    admin.get(reverse("requests:list"))
    for_one = queries()
    asked_by(seller, active(quantity=10))
    asked_by(person(Role.SALES_AGENT), active(quantity=10))

    assert queries() == for_one


def test_sales_agents_see_their_own_first_and_may_withdraw_them(sales, seller):
    mine, theirs = active(quantity=10, nickname="Mine"), active(quantity=10, nickname="Theirs")
    asked = asked_by(seller, mine)
    of_another = asked_by(person(Role.SALES_AGENT), theirs)

    own = text_of(sales.get(reverse("requests:list")))
    everybodys = text_of(sales.get(reverse("requests:list"), {"by": "all"}))
    done = sales.post(url("withdraw", asked))
    refused = sales.post(url("withdraw", of_another))

    assert ("Mine" in own, "Theirs" in own) == (True, False)
    assert ("Mine" in everybodys, "Theirs" in everybodys) == (True, True)
    assert (done.status_code, done.headers["Location"]) == (302, url("detail", asked))
    assert state_of(asked)[0] == "withdrawn"
    assert refused.status_code == 404
    assert state_of(of_another) == OPEN


def test_the_way_to_them_is_in_the_navigation_on_home_and_on_the_subscription(admin, sales, seller):
    subscription = active(quantity=10)
    nobody = text_of(admin.get(reverse("home")))
    asked = asked_by(seller, subscription)
    page = reverse("subscriptions:detail", args=[subscription.pk])

    home = admin.get(reverse("home"))
    banner = sales.get(page).content.decode()

    assert "Change requests waiting" not in nobody
    assert "Change requests waiting" in text_of(home)
    assert re.search(
        r'href="/requests/".*Change requests <span class="count">1</span>', home.content.decode(), re.DOTALL
    )
    assert f'href="{url("detail", asked)}">1 change request waits for a decision' in banner
    asked_by(seller, subscription, quantity=12)
    assert f"{reverse('requests:list')}?subscription={subscription.pk}" in sales.get(page).content.decode()
    for role, has_entry in ((Role.OPS_AGENT, False), (Role.PLATFORM_ADMIN, False), (Role.SALES_AGENT, True)):
        start = signed_in(person(role)).get(reverse("home"))
        assert ('href="/requests/"' in start.content.decode()) == has_entry, role
        assert "Change requests waiting" in text_of(start), role


# Deciding


def test_approving_shows_what_it_does_now_and_does_exactly_that(admin, seller):
    subscription = active(quantity=10)
    asked = asked_by(seller, subscription)

    shown = review(admin, asked)
    done = confirm(admin, asked, shown, reason="Agreed by phone")

    assert shown.status_code == 200
    assert "Approve: Increase to 14 licences, pay €40.32" in text_of(shown)
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, url("detail", asked))
    assert state_of(asked) == ("approved", "Anna Wiśniewska", "Agreed by phone")
    operation = Operation.objects.get()
    assert (operation.payload["after"]["quantity"], operation.quote) == (14, Quote.objects.get())
    page = text_of(admin.get(url("detail", asked)))
    assert "Approved: the publisher is being asked." in page
    assert "Approved the change request." in page


def test_without_scripts_the_same_steps_are_pages(admin, seller):
    asked = asked_by(seller, active(quantity=10))

    shown = admin.post(url("approve", asked))
    done = admin.post(url("approve", asked), {"quote": shown.context["form"].data["quote"]})

    assert "<h1>Approve the change request</h1>" in shown.content.decode()
    assert (done.status_code, done.headers["Location"]) == (302, url("detail", asked))
    assert state_of(asked)[0] == "approved"


def test_part_of_it_is_approved(admin, seller):
    subscription = active(quantity=10)
    asked = asked_by(seller, subscription)

    page = admin.get(url("detail", asked)).content.decode()
    too_much = review(admin, asked, quantity="15")
    nothing = review(admin, asked, quantity="10")
    shown = review(admin, asked, quantity="12")
    confirm(admin, asked, shown, quantity="12")

    assert 'min="11" max="13"' in page
    assert [answer.status_code for answer in (too_much, nothing)] == [422, 422]
    assert 'data-code="request_too_much"' in too_much.content.decode()
    assert "Approve partly: Increase to 12 licences, pay €20.16" in text_of(shown)
    assert state_of(asked)[0] == "partly_approved"
    assert Operation.objects.get().payload["after"]["quantity"] == 12


def test_a_quote_for_a_part_does_not_approve_the_whole(admin, seller):
    asked = asked_by(seller, active(quantity=10))

    shown = review(admin, asked, quantity="12")
    answer = confirm(admin, asked, shown)

    assert answer.status_code == 404
    assert "Approve: Increase to 14 licences, pay €40.32" in text_of(answer)
    assert state_of(asked) == OPEN
    assert not Operation.objects.exists()


def test_when_the_price_moved_since_the_quote_both_are_shown_and_nothing_happens(seller, clock):
    asked = asked_by(seller, active(quantity=10))
    clock.move_to(NOON.replace(hour=23, minute=55))
    admin = signed_in(person(Role.ADMIN_AGENT))
    shown = review(admin, asked)

    clock.move_to(NOON.replace(hour=23, minute=55) + timedelta(minutes=10))
    answer = confirm(admin, asked, shown)
    again = confirm(admin, asked, answer)

    words = text_of(answer)
    assert answer.status_code == 409
    assert "Something moved since you looked. Nothing was changed." in words
    assert "€40.32" in words
    assert "Approve: Increase to 14 licences, pay €38.97" in words
    assert again.status_code == 204
    assert state_of(asked)[0] == "approved"


def test_a_quote_that_ran_out_is_replaced_by_a_fresh_one(admin, seller, clock):
    asked = asked_by(seller, active(quantity=10))
    shown = review(admin, asked)

    clock.move_to(NOON + timedelta(minutes=15))
    answer = confirm(admin, asked, shown)

    assert answer.status_code == 422
    assert answer.context["form"].data["quote"] != shown.context["form"].data["quote"]
    assert state_of(asked) == OPEN


def test_declining_takes_a_reason(admin, sales, seller):
    subscription = active(quantity=10)
    asked = asked_by(seller, subscription)

    silent = admin.post(url("decline", asked), {"reason": " "})
    done = admin.post(url("decline", asked), {"reason": "No budget before May"})

    assert silent.status_code == 422
    assert done.status_code == 302
    assert state_of(asked) == ("declined", "Anna Wiśniewska", "No budget before May")
    assert not Operation.objects.exists()
    told = text_of(sales.get(url("detail", asked)))
    assert "Declined the change request." in told
    assert "No budget before May" in told


def test_a_change_of_plan_is_asked_for_and_approved_in_its_own_words(admin, seller):
    subscription = active(quantity=10)
    other = business(subscription)
    asked = ask(seller.actor(), subscription.pk, Change(plan_term_id=other.pk), reason=WHY, at=NOON)

    page = text_of(admin.get(url("detail", asked)))
    shown = review(admin, asked)
    confirm(admin, asked, shown)

    assert "Business" in page
    assert "Only so many licences" not in page
    assert "Approve: Change to Business, pay €99.20" in text_of(shown)
    assert Operation.objects.get().payload["after"]["title"] == "Business"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(nickname="Biuro w Łodzi"), "Approve: Rename to Biuro w Łodzi"),
        (Change(status="deleted"), "Approve: Cancel, credit €100.80"),
        (Change(auto_renew=False), "Approve: Turn auto-renew off"),
    ],
)
def test_whatever_is_asked_for_the_button_repeats_it(change, words, admin, seller):
    asked = ask(seller.actor(), active(quantity=10).pk, change, reason=WHY, at=NOON)

    assert words in text_of(review(admin, asked))


# Refusing


def test_two_who_decide_at_once_decide_once(admin, seller):
    subscription = active(quantity=10)
    asked = asked_by(seller, subscription)
    other = signed_in(person(Role.ADMIN_AGENT, name="Jonas Brückner"))
    shown, also_shown = review(admin, asked), review(other, asked)

    first = confirm(admin, asked, shown)
    second = confirm(other, asked, also_shown)
    declined = other.post(url("decline", asked), {"reason": "Too late"})

    assert first.status_code == 204
    assert [second.status_code, declined.status_code] == [409, 409]
    for answer in (second, declined):
        assert 'data-code="request_closed"' in answer.content.decode()
        assert "The change request is approved since 23 Nov 2026, 12:00 UTC." in text_of(answer)
    assert state_of(asked) == ("approved", "Anna Wiśniewska", "")
    assert Operation.objects.count() == 1


def test_nobody_decides_on_their_own(seller):
    both = person(Role.SALES_AGENT, Role.ADMIN_AGENT)
    asked = asked_by(both, active(quantity=10))
    User.objects.filter(pk=both.pk).update(active_role=Role.ADMIN_AGENT)
    client = signed_in(User.objects.get(pk=both.pk))

    listed = client.get(reverse("requests:list")).content.decode()
    page = client.get(url("detail", asked)).content.decode()
    tried = [review(client, asked), client.post(url("decline", asked), {"reason": "x"})]

    assert 'data-code="request_own"' in listed
    assert page.count('aria-disabled="true"') == 4
    assert page.count('data-code="request_own"') == 3
    assert "Admin agent, but somebody else" in page
    assert [answer.status_code for answer in tried] == [403, 403]
    assert state_of(asked) == OPEN


@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_other_roles_read_but_do_not_decide(role, seller):
    asked = asked_by(seller, active(quantity=10))
    client = signed_in(person(role))

    page = client.get(url("detail", asked))
    tried = [review(client, asked), client.post(url("decline", asked), {"reason": "x"})]

    assert page.status_code == 200
    assert page.content.decode().count('data-code="not_permitted"') == 3
    assert [answer.status_code for answer in tried] == [403, 403]
    assert state_of(asked) == OPEN


def test_what_moved_since_is_shown_and_nothing_can_be_approved(admin, seller):
    subscription = active(quantity=10)
    asked = asked_by(seller, subscription)
    shown = review(admin, asked)
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=11, version=None, at=NOON)
    accept(SYSTEM, Operation.objects.get().pk, how=Acceptance.PUBLISHER, at=NOON)

    page = admin.get(url("detail", asked))
    answer = confirm(admin, asked, shown)
    void_if_moved(SYSTEM, subscription.pk, at=NOON)
    void = text_of(admin.get(url("detail", asked)))

    assert [(each.label, each.before, each.after) for each in page.context["moved"]] == [
        ("Quantity", "10 licences", "11 licences")
    ]
    assert page.content.decode().count('data-code="request_moved"') == 3
    assert answer.status_code == 409
    assert "The subscription has moved since the request was made" in text_of(answer)
    assert "Void" in void
    assert "the subscription has changed since" in void
    assert "What has moved since" in void


def test_while_another_change_is_under_way_it_can_be_declined_only(admin, seller):
    subscription = active(quantity=10)
    asked = asked_by(seller, subscription)
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=11, version=None, at=NOON)

    page = admin.get(url("detail", asked)).content.decode()
    tried = review(admin, asked)
    done = admin.post(url("decline", asked), {"reason": "One thing at a time"})

    assert page.count('data-code="operation_pending"') == 2
    assert tried.status_code == 409
    assert done.status_code == 302
    assert state_of(asked)[0] == "declined"


def test_a_price_that_is_new_since_then_is_what_counts(admin, seller):
    subscription = active(quantity=10)
    other = business(subscription)
    asked = ask(seller.actor(), subscription.pk, Change(plan_term_id=other.pk), reason=WHY, at=NOON)
    Price.objects.filter(plan_term=other).update(amount=Decimal("30.00"))

    page = text_of(admin.get(url("detail", asked)))

    assert "Then and now" in page
    assert "€99.20 €199.20" in page


def test_what_does_not_exist_is_not_found(admin):
    missing = reverse("requests:detail", args=["00000000-0000-4000-8000-000000000000"])

    assert admin.get(missing).status_code == 404
    assert admin.post(f"{missing}approve/").status_code == 404
    assert Client().get(reverse("requests:list")).status_code == 302
