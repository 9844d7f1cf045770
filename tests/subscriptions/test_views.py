"""The pages over Django's client: what they show, what they refuse, and how much they ask the database."""

import html
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.policy import SYSTEM, Role
from partnerhub.outbox.models import Event
from subscriptions.models import Cart, Order, PurchaseToken, Subscription
from subscriptions.services.holding import release_due
from subscriptions.services.links import mint_link
from tests.factories.accounts import UserFactory, actor
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


def signed_in(*roles: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=roles[0], roles=list(roles)))
    return client


@pytest.fixture
def sales() -> Client:
    return signed_in(Role.SALES_AGENT)


@pytest.fixture
def admin() -> Client:
    return signed_in(Role.ADMIN_AGENT)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def events_of(subscription: Subscription) -> list[str]:
    return list(Event.objects.filter(stream_id=subscription.pk).order_by("sequence").values_list("name", flat=True))


def url(name: str, *args) -> str:
    return reverse(name, args=args)


def cancel_on_the_page(client: Client, subscription: Subscription, **given: str):
    """Look what it does, then confirm it."""
    form = client.get(url("subscriptions:cancel", subscription.pk)).context["form"]
    shown = {name: form[name].value() for name in ("version", "quote")}
    return client.post(url("subscriptions:cancel", subscription.pk), shown | given)


# Reading


def test_every_page_wants_a_signed_in_agent():
    subscription = buy()
    customer = subscription.customer_id
    order = subscription.order_line.order
    pages = [
        url("home"),
        url("customers:list"),
        *(url(f"customers:{tab}", customer) for tab in ("marketplace", "orders", "activity", "account", "buy")),
        url("customers:configure", customer, subscription.plan_term.catalog_item_id),
        url("customers:review", customer, order.cart_id),
        url("customers:confirmation", customer, order.pk),
        url("subscriptions:list"),
        *(url(f"subscriptions:{page}", subscription.pk) for page in ("detail", "live", "cancel")),
        url("billing:charges", subscription.pk),
        url("go", subscription.pk),
    ]

    answers = {page: Client().get(page) for page in pages}

    assert {page: (a.status_code, a.headers.get("Location")) for page, a in answers.items()} == {
        page: (302, f"/accounts/sign-in/?next={quote(page)}") for page in pages
    }
    assert PurchaseToken.objects.count() == 0


@pytest.mark.parametrize("page", ["/", "/subscriptions/", "/customers/", "marketplace", "orders", "activity"])
def test_lists_ask_the_database_as_often_for_more_rows(page, sales):
    customer = CustomerFactory()
    active(customer=customer)
    buy(customer=customer)
    address = page if page.startswith("/") else url(f"customers:{page}", customer.pk)
    sales.get(address)
    asked = count_queries(sales, address)
    buy(customer=customer)
    hear(buy(customer=customer), said(buy(customer=customer), "PendingFulfillmentStart"))
    CustomerFactory()

    assert count_queries(sales, address) == asked


def count_queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_the_marketplace_tab_says_what_is_missing_who_is_next_and_where_to_go(sales):
    subscription = buy(nickname="Office in Łódź")

    page = text_of(sales.get(url("customers:marketplace", subscription.customer_id)))

    for words in (
        "Office in Łódź",
        "Action required",
        "The set-up has not been started on the publisher's site.",
        "Owner: Customer",
        "Go to publisher's site",
        "Starts after publisher confirms",
        "€70.56 per month",
    ):
        assert words in page


def test_assigned_and_purchased_licences_are_both_shown_while_they_differ(sales):
    subscription = buy(quantity=7)
    hear(subscription, said(subscription, assigned_quantity=4))

    page = text_of(sales.get(url("subscriptions:list")))

    assert "4 / 7" in page
    assert "4 of 7 licences are assigned." in page


def test_the_list_is_filtered_by_the_url(sales):
    pending, running = buy(nickname="Pending one"), active(nickname="Running one")

    by_status = text_of(sales.get(url("subscriptions:list"), {"status": "subscribed"}))
    by_text = text_of(sales.get(url("subscriptions:list"), {"q": "pending"}))
    by_id = text_of(sales.get(url("subscriptions:list"), {"q": str(running.pk)}))
    nothing = text_of(sales.get(url("subscriptions:list"), {"q": "no such thing"}))

    assert ["Running one" in by_status, "Pending one" in by_status] == [True, False]
    assert [pending.nickname in by_text, running.nickname in by_text] == [True, False]
    assert ["Running one" in by_id, "Pending one" in by_id] == [True, False]
    assert "No subscription matches" in nothing


def test_pages_lead_forth_and_back_through_every_row(sales, monkeypatch):
    monkeypatch.setattr("partnerhub.web.pages.keyset_page.__defaults__", (2,))
    customer, term = CustomerFactory(), PlanTermFactory()
    names = [f"Number {number}" for number in range(5)]
    for minute, name in enumerate(names):
        buy(customer=customer, term=term, nickname=name, at=NOON - timedelta(minutes=minute))

    first = sales.get(url("subscriptions:list"))
    second = sales.get(url("subscriptions:list") + first.context["next_url"])
    third = sales.get(url("subscriptions:list") + second.context["next_url"])
    back = sales.get(url("subscriptions:list") + third.context["previous_url"])

    shown = [[row.nickname for row in page.context["rows"]] for page in (first, second, third, back)]
    assert shown == [names[0:2], names[2:4], names[4:5], names[2:4]]
    assert [first.context["previous_url"], third.context["next_url"]] == ["", ""]


def test_a_damaged_cursor_shows_the_first_page(sales):
    buy(nickname="Still here")

    for cursor in ("x", "WyJhIiwiYiJd", "WzEsMl0"):
        assert "Still here" in text_of(sales.get(url("subscriptions:list"), {"after": cursor}))


def test_what_does_not_exist_is_not_found(sales):
    nobody = "00000000-0000-4000-8000-000000000000"

    for name in ("customers:marketplace", "customers:buy", "subscriptions:detail", "go"):
        assert sales.get(url(name, nobody)).status_code == 404


# One subscription


def test_the_page_shows_the_gates_with_exactly_one_blocker(sales):
    subscription = buy()
    hear(subscription, said(subscription, "PendingFulfillmentStart"))

    response = sales.get(url("subscriptions:detail", subscription.pk))

    assert [(step.title, str(step.state), step.is_blocker) for step in response.context["gates"]] == [
        ("Ordered", "satisfied", False),
        ("Licences assigned", "satisfied", False),
        ("Configuration confirmed", "pending", True),
        ("Billing", "pending", False),
    ]


def test_a_sales_agent_sees_that_changes_are_asked_for(sales):
    subscription = active()

    response = sales.get(url("subscriptions:detail", subscription.pk))

    page = response.content.decode()
    assert page.count('aria-disabled="true"') == 0
    assert "what you fill in here goes to an admin agent as a change request" in text_of(response)
    assert url("subscriptions:rename", subscription.pk) not in page
    assert url("subscriptions:cancel", subscription.pk) not in page


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("rename", {"nickname": "Mine now", "version": "1"}),
        ("cancel", {"reason": "Because", "version": "1"}),
        ("rename", {}),
    ],
)
def test_a_forged_change_by_a_sales_agent_is_refused_and_changes_nothing(name, given, sales):
    subscription = active(nickname="As bought")
    told = events_of(subscription)

    response = sales.post(url(f"subscriptions:{name}", subscription.pk), given)

    after = Subscription.objects.get(pk=subscription.pk)
    assert response.status_code == 403
    assert (after.nickname, after.auto_renew, after.status, after.version) == (
        "As bought",
        True,
        "subscribed",
        subscription.version,
    )
    assert events_of(subscription) == told


def test_an_admin_agent_renames_and_cancels(admin):
    subscription = buy()

    renamed = admin.post(
        url("subscriptions:rename", subscription.pk), {"nickname": "Biuro Kraków", "version": subscription.version}
    )
    cancelled = cancel_on_the_page(admin, subscription, reason="Bought twice")

    assert [renamed.status_code, cancelled.status_code] == [302, 302]
    release_due(SYSTEM, at=NOON + timedelta(minutes=2))
    after = Subscription.objects.get(pk=subscription.pk)
    assert (after.nickname, after.auto_renew, after.status) == ("Biuro Kraków", False, "unsubscribed")
    page = text_of(admin.get(url("subscriptions:detail", subscription.pk)))
    assert "Bought twice" in page
    assert "Before activation. Never billed." in page


def test_a_change_over_somebody_elses_change_keeps_what_was_typed(admin):
    subscription = buy(nickname="First")
    admin.post(url("subscriptions:rename", subscription.pk), {"nickname": "Theirs", "version": subscription.version})

    response = admin.post(
        url("subscriptions:rename", subscription.pk), {"nickname": "Mine", "version": subscription.version}
    )

    assert response.status_code == 409
    assert 'value="Mine"' in response.content.decode()
    assert "This was changed by somebody else" in text_of(response)
    assert Subscription.objects.get(pk=subscription.pk).nickname == "Theirs"


def test_an_empty_nickname_is_refused_at_its_field(admin):
    subscription = buy(nickname="Kept")

    response = admin.post(url("subscriptions:rename", subscription.pk), {"nickname": " ", "version": "1"})

    assert response.status_code == 422
    assert Subscription.objects.get(pk=subscription.pk).nickname == "Kept"


def test_cancelling_after_the_window_is_refused_with_its_date(admin):
    subscription = active(at=NOON - timedelta(days=5))

    page = text_of(admin.get(url("subscriptions:cancel", subscription.pk)))
    response = admin.post(
        url("subscriptions:cancel", subscription.pk), {"reason": "Late", "version": subscription.version}
    )

    assert "The cancellation window closed on 21 Nov 2026, 12:00 UTC" in page
    assert response.status_code == 422
    assert Subscription.objects.get(pk=subscription.pk).status == "subscribed"


def test_the_waiting_page_costs_nothing_until_something_changed(sales):
    subscription = buy()
    shown = sales.get(url("subscriptions:detail", subscription.pk)).context["pulse"]

    def look(etag: str):
        return sales.get(shown.url, headers={"If-None-Match": f'"{etag}"', "HX-Request": "true"})

    assert look(shown.etag).status_code == 304
    hear(subscription, said(subscription))
    changed = look(shown.etag)
    assert changed.status_code == 200
    assert "hx-trigger" not in changed.content.decode().partition('id="gates"')[0]
    assert "the subscription is active" in changed.headers["HX-Trigger"]
    assert "Active" in text_of(changed)


def test_what_comes_while_the_page_is_made_anew_is_told_with_it(sales):
    subscription, came = buy(), []
    shown = sales.get(url("subscriptions:detail", subscription.pk)).context["pulse"]

    def come_late(execute, sql, *given):
        if "AS billing_start" in sql and not came:  # what is shown is read after what was looked at
            came.append(hear(subscription, said(subscription)))
        return execute(sql, *given)

    with connection.execute_wrapper(come_late):
        changed = sales.get(shown.url, headers={"If-None-Match": '"older.older"'})

    assert "Active" in text_of(changed)
    assert "the subscription is active" in changed.headers["HX-Trigger"]


def test_a_poll_that_learns_nothing_refreshes_its_own_line_alone(sales):
    subscription = buy()
    shown = sales.get(url("subscriptions:detail", subscription.pk)).context["pulse"]
    subscription.poll_schedule.last_polled_at = NOON
    subscription.poll_schedule.save()

    answer = sales.get(shown.url, headers={"If-None-Match": f'"{shown.etag}"'}).content.decode()

    assert 'id="pulse"' in answer
    assert "hx-swap-oob" not in answer


def test_asking_now_makes_the_next_poll_due(sales):
    subscription = buy(at=NOON - timedelta(hours=1))

    response = sales.post(url("subscriptions:ask", subscription.pk))

    assert response.status_code == 302
    subscription.poll_schedule.refresh_from_db()
    assert subscription.poll_schedule.next_poll_at == NOON
    assert "The publisher is being asked." in text_of(sales.get(response.headers["Location"]))


def test_asking_now_in_the_page_leaves_it_standing_and_tells_what_came_of_it(sales):
    waiting, running = buy(), active()
    in_page = {"HX-Request": "true"}

    asked = sales.post(url("subscriptions:ask", waiting.pk), headers=in_page)
    refused = sales.post(url("subscriptions:ask", running.pk), headers=in_page)

    assert [answer.status_code for answer in (asked, refused)] == [204, 204]
    assert "The publisher is being asked." in asked.headers["HX-Trigger"]
    assert "is not asked about this subscription" in refused.headers["HX-Trigger"]


def test_charges_are_shown_with_their_period(sales):
    subscription = active()

    page = text_of(sales.get(url("billing:charges", subscription.pk)))

    assert "23 Nov 2026 – 22 Dec 2026" in page
    assert "€70.56" in page


def test_before_confirmation_the_first_charge_is_only_announced(sales):
    subscription = buy()

    page = text_of(sales.get(url("billing:charges", subscription.pk)))

    assert "Nothing is charged until the publisher has assigned the licences" in page


# The publisher's link


def test_going_to_the_publisher_mints_a_fresh_link_that_leaves_no_trace(sales):
    subscription = buy()

    first, second = (sales.get(url("go", subscription.pk)) for _ in range(2))

    assert first.status_code == 303
    assert first.headers["Location"] != second.headers["Location"]
    assert first.headers["Location"].startswith("https://publisher.example/landing?token=")
    assert (first.headers["Referrer-Policy"], first.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert PurchaseToken.objects.count() == 2


@pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose", "X-Moz"])
def test_a_browser_that_only_looks_ahead_mints_nothing(header, sales):
    subscription = buy()

    response = sales.get(url("go", subscription.pk), headers={header: "prefetch;prerender"})

    assert response.status_code == 403
    assert PurchaseToken.objects.count() == 0


def test_a_link_is_copied_by_post_only_and_never_stored(sales):
    subscription = buy()

    assert sales.get(url("go_copy", subscription.pk)).status_code == 405
    response = sales.post(url("go_copy", subscription.pk))

    assert response.headers["Cache-Control"] == "no-store"
    assert response.json()["url"].startswith("https://publisher.example/landing?token=")


def test_an_ended_subscription_has_no_link(admin):
    subscription = buy()
    mint_link(actor(Role.ADMIN_AGENT), subscription.pk, at=NOON)
    cancel_on_the_page(admin, subscription, reason="No")
    release_due(SYSTEM, at=NOON + timedelta(minutes=2))

    response = admin.post(url("go_copy", subscription.pk))

    assert response.status_code == 422
    assert response.json()["code"] == "subscription_ended"
    assert PurchaseToken.objects.count() == 1


# Buying


def line(term, **given):
    return {"catalog_item": term.catalog_item_id, "quantity": 7, "auto_renew": "on"} | given


def test_a_sales_agent_buys_and_ordering_twice_is_one_order(sales):
    customer, term = CustomerFactory(), PlanTermFactory()

    configured = sales.post(url("customers:configure", customer.pk, term.catalog_item_id), line(term))
    review = configured.headers["Location"]
    words = text_of(sales.get(review))
    first, second = sales.post(review, {"attested": "on"}), sales.post(review, {"attested": "on"})

    assert "7 licences , 1 month, billed monthly: €10.08 per licence, €70.56 per month" in words
    assert "Can be cancelled with a full refund within 72 hours after this order." in words
    assert first.status_code == second.status_code == 302
    assert first.headers["Location"] == second.headers["Location"]
    assert Order.objects.count() == Subscription.objects.count() == 1
    assert "Go to publisher's site" in text_of(sales.get(first.headers["Location"]))


def test_another_offer_joins_the_same_cart_and_a_line_can_leave_it(sales):
    customer, one, two = CustomerFactory(), PlanTermFactory(), PlanTermFactory()
    review = sales.post(url("customers:configure", customer.pk, one.catalog_item_id), line(one)).headers["Location"]
    cart = Cart.objects.get()

    added = sales.post(
        url("customers:configure", customer.pk, two.catalog_item_id) + f"?cart={cart.pk}", line(two, quantity=3)
    )
    quantities = [entry.quantity for entry in cart.lines.all()]
    sales.post(url("customers:change_cart", customer.pk, cart.pk), {"remove": "0"})

    assert added.headers["Location"] == review
    assert quantities == [7, 3]
    assert [entry.quantity for entry in cart.lines.all()] == [3]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"quantity": "101"}, "Quantity 101 is outside 1 to 100"),
        ({"quantity": "0"}, "greater than or equal to 1"),
        ({"quantity": "many"}, "Enter a whole number"),
        ({"quantity": "99999999999999999999"}, "less than or equal to"),
        ({"partner_id": "9999999"}, "There is no indirect reseller with PartnerID 9999999."),
        ({"catalog_item": "no:such:item"}, "There is no product no."),
        ({"nickname": "x" * 201}, "at most 200 characters"),
    ],
)
def test_a_line_that_cannot_be_bought_is_refused_where_it_was_typed(given, sentence, sales):
    customer, term = CustomerFactory(), PlanTermFactory()

    response = sales.post(url("customers:configure", customer.pk, term.catalog_item_id), line(term, **given))

    assert response.status_code == 422
    assert sentence in text_of(response)
    assert Cart.objects.count() == 0


def test_what_is_not_sold_here_is_shown_with_its_reason(sales):
    customer, term = CustomerFactory(currency="PLN"), PlanTermFactory(amounts={"EUR": "10.08"})

    page = text_of(sales.get(url("customers:buy", customer.pk)))

    assert f"{term.plan.offer.title} has no price in PLN today." in page


def test_without_the_attestation_nothing_is_ordered(sales):
    customer, term = CustomerFactory(), PlanTermFactory()
    review = sales.post(url("customers:configure", customer.pk, term.catalog_item_id), line(term)).headers["Location"]

    response = sales.post(review, {})

    assert response.status_code == 422
    assert "Attest your partner role to order." in text_of(response)
    assert Order.objects.count() == 0


def test_a_price_that_moved_is_told_and_nothing_is_ordered_until_it_is_taken(sales):
    customer, term = CustomerFactory(), PlanTermFactory()
    review = sales.post(url("customers:configure", customer.pk, term.catalog_item_id), line(term)).headers["Location"]
    raise_price(term, "12.00")

    ordered = sales.post(review, {"attested": "on"})
    told = text_of(sales.get(ordered.headers["Location"]))
    orders_before = Order.objects.count()
    sales.post(url("customers:change_cart", customer.pk, Cart.objects.get().pk))
    taken = text_of(sales.get(review))

    assert "changed from €10.08 to €12.00" in told
    assert orders_before == 0
    assert "€84.00 per month" in taken


def raise_price(term, amount: str) -> None:
    price = term.prices.get(currency="EUR")
    price.valid_to = NOON
    price.save()
    term.prices.create(currency="EUR", amount=amount, valid_from=NOON)


def test_a_cart_belongs_to_its_customer(sales):
    term, cart_owner, other = PlanTermFactory(), CustomerFactory(), CustomerFactory()
    sales.post(url("customers:configure", cart_owner.pk, term.catalog_item_id), line(term))
    cart = Cart.objects.get()

    assert sales.get(url("customers:review", other.pk, cart.pk)).status_code == 404
    assert sales.get(url("customers:buy", other.pk) + "?cart=nonsense").status_code == 404


def test_an_operations_agent_may_not_buy():
    ops, customer = signed_in(Role.OPS_AGENT), CustomerFactory()

    assert ops.get(url("customers:buy", customer.pk)).status_code == 403
    assert 'aria-disabled="true"' in ops.get(url("customers:marketplace", customer.pk)).content.decode()


# Signing in


def test_signing_in_goes_home_and_says_one_sentence_for_every_failure(client):
    UserFactory(email="agent@partnerhub.example")
    sign_in = url("accounts:login")

    wrong = client.post(sign_in, {"username": "agent@partnerhub.example", "password": "guess"})
    unknown = client.post(sign_in, {"username": "nobody@partnerhub.example", "password": "guess"})
    right = client.post(sign_in, {"username": "Agent@PartnerHub.example", "password": "correct horse battery staple"})

    sentence = "This e-mail and password do not belong together."
    assert [sentence in text_of(answer) for answer in (wrong, unknown)] == [True, True]
    assert right.headers["Location"] == "/"


def test_switching_the_role_is_for_roles_held_and_goes_on_record():
    client = signed_in(Role.SALES_AGENT, Role.ADMIN_AGENT)

    client.post(url("accounts:switch_role"), {"role": "platform_admin"})
    assert Event.objects.filter(name="user.role_switched").count() == 0
    response = client.post(url("accounts:switch_role"), {"role": "admin_agent", "next": "//evil.example/"})

    assert response.headers["Location"] == "/"
    assert Event.objects.get(name="user.role_switched").data == {"role": ["sales_agent", "admin_agent"]}
    assert "Admin agent" in text_of(client.get("/"))
