"""Lists of subscriptions: what narrows, sorts, counts and shows them, and what a look at a row tells."""

from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.policy import Role
from subscriptions import filters, search
from subscriptions.filters import matching
from subscriptions.models import Operation
from subscriptions.services.edits import set_auto_renew
from tests.factories.accounts import UserFactory, actor
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.publishers import OfferFactory, PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db
LIST = "/subscriptions/"


@pytest.fixture(autouse=True)
def _at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def agent() -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=Role.ADMIN_AGENT))
    return client


def names(response) -> list[str]:
    """The nicknames that a list shows, in its order."""
    return [row.nickname or row.offer for row in response.context["rows"]]


def shown(agent: Client, **params: str) -> list[str]:
    return names(agent.get(LIST, params))


def url(name: str, *args) -> str:
    return reverse(name, args=args)


# Filters


@pytest.mark.parametrize("few", [5000, 0])
def test_each_filter_leaves_what_it_says_be_it_few_or_many(agent, few, monkeypatch):
    for module in (search, filters):
        monkeypatch.setattr(module, "FEW_LEFT", few)
    poland = CustomerFactory(name="Kwiaciarnia", country="PL", currency="PLN")
    reseller = ResellerFactory(partner_id="5550001")
    monthly, yearly = PlanTermFactory(), PlanTermFactory(term="P1Y", amounts={"PLN": "40", "EUR": "10"})
    waiting = buy(nickname="Waiting", term=monthly, at=NOON - timedelta(days=9))
    hear(waiting, said(waiting, assigned_quantity=4))
    ended = active(nickname="Yearly", term=yearly, customer=poland, partner_id=reseller.pk)
    set_auto_renew(actor(Role.ADMIN_AGENT), ended.pk, auto_renew=False, version=ended.version, at=NOON, hold=False)
    active(nickname="Monthly", term=monthly, at=NOON + timedelta(minutes=1))

    assert [
        shown(agent, status="pending_fulfillment_start"),
        shown(agent, publisher=str(waiting.publisher_id), status="subscribed"),
        shown(agent, reason="partial_assignment"),
        shown(agent, reason="publisher_silent"),
        shown(agent, owner="publisher"),
        shown(agent, owner="customer"),
        shown(agent, term="P1Y"),
        shown(agent, auto_renew="off"),
        shown(agent, country="pl"),
        shown(agent, currency="PLN"),
        shown(agent, reseller="5550001"),
        shown(agent, renews_within="40"),
        shown(agent, renews_within="20"),
        shown(agent, purchased_to=str(NOON.date() - timedelta(days=9))),
        shown(agent, purchased_from=str(NOON.date())),
        shown(agent, customer=str(poland.pk)),
    ] == [
        ["Waiting"],
        ["Monthly"],
        ["Waiting"],
        [],
        ["Waiting"],
        [],
        ["Yearly"],
        ["Yearly"],
        ["Yearly"],
        ["Yearly"],
        ["Yearly"],
        ["Monthly"],
        [],
        ["Waiting"],
        ["Monthly", "Yearly"],
        ["Yearly"],
    ]


def test_a_change_in_flight_can_be_looked_for(agent):
    buy(nickname="Quiet")
    changing = active(nickname="Changing")
    Operation.objects.create(
        subscription=changing, action="change_quantity", requested_by="A", created_at=NOON, next_attempt_at=NOON
    )

    assert shown(agent, waiting="yes") == ["Changing"]


@pytest.mark.parametrize(
    "nonsense",
    [
        {"status": "x"}, {"publisher": "x"}, {"renews_within": "-1"}, {"renews_within": "9" * 30}, {"customer": "1"},
        {"purchased_to": "9999-12-31"}, {"purchased_from": "0001-01-01"}, {"purchased_from": "tomorrow"},
        {"sort": "price"}, {"columns": "nothing"}, {"country": "PL" * 9}, {"sort": "-"},
    ],
)  # fmt: skip
def test_a_value_that_is_none_narrows_nothing(agent, nonsense):
    buy(nickname="100% sure")

    assert shown(agent, **nonsense) == ["100% sure"]


def test_the_same_filter_by_its_query_string_serves_exports_and_bulk_changes():
    kept, _ = buy(nickname="Kept"), buy(nickname="Other")

    found = matching(actor(Role.SALES_AGENT), "q=kept&status=pending_fulfillment_start", at=NOON)

    assert [one.pk for one in found] == [kept.pk]


# Search


def test_text_finds_by_any_name_number_and_part_of_an_id(agent):
    customer = CustomerFactory(name="Zażółć GmbH", domain="zazolc.example", beneficiary_email="ewa@zazolc.example")
    reseller = ResellerFactory(partner_id="5551234")
    term = PlanTermFactory(plan=PlanFactory(offer=OfferFactory(title="Signature Desk")))
    wanted = buy(nickname="Office Łódź", customer=customer, term=term, partner_id=reseller.pk)
    buy(nickname="Another")
    identifier = str(wanted.pk)

    finding = [
        "office", "łódź", "ŻÓŁĆ", "zolc.exam", "EWA@zazolc.example", "signature", "5551234",
        wanted.order_line.order.number, wanted.order_line.order.number.lower(),
        identifier, identifier[:8], identifier[:13], identifier.replace("-", ""), identifier[:6].upper(),
        str(customer.pk), str(customer.pk)[:8],
    ]  # fmt: skip

    assert {text: shown(agent, q=text) for text in finding} == {text: ["Office Łódź"] for text in finding}
    assert [shown(agent, q=text) for text in ("signature lamp", "%%%", "___", "0000", "'; --")] == [[]] * 5


def test_fewer_than_three_characters_find_only_beginnings(agent):
    buy(nickname="Abacus", customer=CustomerFactory(name="One"))
    buy(nickname="Cabinet", customer=CustomerFactory(name="Two"))

    response = agent.get(LIST, {"q": "ab"})

    assert names(response) == ["Abacus"]
    assert "only the beginnings of names are compared" in response.content.decode()
    assert sorted(shown(agent, q="bin")) == ["Cabinet"]


# Tabs and chips


def test_tabs_count_with_every_other_filter_and_keep_it(agent):
    customer = CustomerFactory(name="Bakery")
    buy(customer=customer), buy(customer=customer), active(customer=customer), buy()

    response = agent.get(LIST, {"q": "bakery", "status": "subscribed", "sort": "nickname", "after": "x"})

    tabs = response.context["status_tabs"]
    assert [(tab["label"], tab["count"], tab["current"]) for tab in tabs] == [
        ("All", "3", False),
        ("Action required", "2", False),
        ("Active", "1", True),
        ("Suspended", "0", False),
        ("Ended", "0", False),
    ]
    assert tabs[1]["url"] == "?q=bakery&status=pending_fulfillment_start&sort=nickname"
    assert tabs[0]["url"] == "?q=bakery&sort=nickname"
    assert len(names(response)) == 1


def test_tabs_of_more_than_are_read_one_by_one_say_at_least(agent, monkeypatch):
    monkeypatch.setattr(search, "FEW_LEFT", 1)
    active(), active(), active()

    tabs = agent.get(LIST, {"auto_renew": "on"}).context["status_tabs"]

    assert [tab["count"] for tab in tabs] == ["2+", None, "2+", None, None]


def test_each_chip_lets_its_filter_go(agent):
    subscription = buy()

    response = agent.get(LIST, {"publisher": str(subscription.publisher_id), "auto_renew": "on", "status": ""})

    assert response.context["chips"] == [
        {"label": "Publisher", "value": subscription.publisher.name, "url": "?auto_renew=on"},
        {"label": "Auto-renew", "value": "On", "url": f"?publisher={subscription.publisher_id}"},
    ]
    only = agent.get(LIST, {"auto_renew": "on"})
    assert only.context["chips"][0]["url"] == "?view=all"


# Sorting and pages


SORTS = {
    "purchased": ["C", "A", "B"],
    "nickname": ["A", "B", "C"],
    "customer": ["B", "C", "A"],
    "publisher": ["C", "A", "B"],
    "quantity": ["B", "C", "A"],
    "renewal": ["C", "B", "A"],
    "since": ["C", "A", "B"],
}


def three_of_everything() -> None:
    def one(nickname: str, days: int, customer: str, publisher: str, quantity: int, **kwargs: str):
        term = PlanTermFactory(plan__offer__publisher__name=publisher, **kwargs)
        at = NOON - timedelta(days=days)
        return {"customer": CustomerFactory(name=customer), "term": term, "quantity": quantity, "at": at} | {
            "nickname": nickname
        }

    buy(**one("A", 2, "Zet", "Beta", 30))
    active(**one("B", 1, "Alfa", "Gamma", 5, term="P1Y"))
    active(**one("C", 3, "Em", "Alpha", 20))


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_runs_both_ways_and_pages_through_every_row(agent, sort, monkeypatch):
    three_of_everything()
    up, down = SORTS[sort], SORTS[sort][::-1]
    if sort == "renewal":  # what has no term yet stands last both ways
        down = ["B", "C", "A"]

    assert [shown(agent, sort=sort), shown(agent, sort=f"-{sort}")] == [up, down]

    monkeypatch.setattr("partnerhub.web.pages.keyset_page.__defaults__", (1,))
    for way, order in ((sort, up), (f"-{sort}", down)):
        first = agent.get(LIST, {"sort": way})
        second = agent.get(LIST + first.context["next_url"])
        third = agent.get(LIST + second.context["next_url"])
        back = agent.get(LIST + third.context["previous_url"])
        home = agent.get(LIST + back.context["previous_url"])
        assert [names(page) for page in (first, second, third, back, home)] == [
            [order[0]], [order[1]], [order[2]], [order[1]], [order[0]]
        ]  # fmt: skip
        assert [third.context["next_url"], home.context["previous_url"]] == ["", ""]


def test_rows_that_are_equal_in_the_sort_are_each_shown_once(agent, monkeypatch):
    monkeypatch.setattr("partnerhub.web.pages.keyset_page.__defaults__", (2,))
    customer, term = CustomerFactory(), PlanTermFactory()
    for number in range(5):
        buy(customer=customer, term=term, nickname=f"N{number}")

    seen, address = [], LIST + "?sort=renewal"
    while True:
        page = agent.get(address)
        seen += names(page)
        if not page.context["next_url"]:
            break
        address = LIST + page.context["next_url"]

    assert sorted(seen) == ["N0", "N1", "N2", "N3", "N4"]


def test_a_heading_says_how_the_list_is_sorted_and_turns_it_round(agent):
    buy()

    page = agent.get(LIST, {"sort": "quantity", "q": "offer"}).content.decode()

    assert 'class="number" aria-sort="ascending"><a href="?sort=-quantity&amp;q=offer">' in page
    assert page.count("aria-sort") == 1
    assert 'aria-sort="descending"' in agent.get(LIST, {"sort": "-quantity"}).content.decode()


def test_a_cursor_of_another_sort_shows_the_first_page(agent, monkeypatch):
    monkeypatch.setattr("partnerhub.web.pages.keyset_page.__defaults__", (2,))
    three_of_everything()
    cursor = parse_qs(urlsplit(agent.get(LIST, {"sort": "nickname"}).context["next_url"]).query)["after"][0]

    assert shown(agent, sort="quantity", after=cursor) == ["B", "C"]


# Columns


def test_the_url_names_the_columns_and_their_order(agent):
    buy(quantity=12)

    response = agent.get(LIST, {"columns": "quantity,country,nonsense,order"})
    repeated = agent.get(LIST, {"columns": ["order", "quantity"]})

    assert [header["label"] for header in response.context["headers"]] == ["Quantity", "Country", "Order"]
    assert response.context["rows"][0].cells[:2] == ("12", "DE")
    assert [header["label"] for header in repeated.context["headers"]] == ["Order", "Quantity"]
    assert response.context["columns"][:4] == [
        {"name": "quantity", "label": "Quantity", "shown": True},
        {"name": "country", "label": "Country", "shown": True},
        {"name": "order", "label": "Order", "shown": True},
        {"name": "customer", "label": "Customer", "shown": False},
    ]


def test_every_column_can_be_shown_of_every_kind_of_row(agent):
    buy(), active(), buy(partner_id=ResellerFactory().pk)
    every = [choice["name"] for choice in agent.get(LIST).context["columns"]]

    response = agent.get(LIST, {"columns": ",".join(every)})

    assert [len(row.cells) for row in response.context["rows"]] == [len(every)] * 3


def test_the_page_of_one_customer_has_no_column_that_says_who_it_is(agent):
    subscription = buy()

    response = agent.get(url("customers:marketplace", subscription.customer_id), {"columns": "customer,email,plan"})

    assert [header["label"] for header in response.context["headers"]] == ["Plan"]
    assert "customer" not in [column["name"] for column in response.context["columns"]]


# Choosing rows


def test_all_that_match_are_named_by_the_filter_and_never_more_than_the_customer(agent):
    customer = CustomerFactory()
    buy(customer=customer)
    everywhere = agent.get(LIST, {"q": "offer", "sort": "nickname", "columns": "plan"})
    there = agent.get(url("customers:marketplace", customer.pk), {"status": "subscribed"})
    bare = agent.get(url("customers:marketplace", customer.pk))

    assert everywhere.context["matching"] == "q=offer"
    assert there.context["matching"] == f"status=subscribed&customer={customer.pk}"
    assert bare.context["matching"] == f"customer={customer.pk}"


# Partial answers


def test_htmx_gets_the_results_and_the_tools_with_a_clean_address(agent):
    buy(nickname="Found")
    asked = {"q": "found", "status": "", "publisher": "", "sort": "-purchased", "view": "all"}

    response = agent.get(LIST, asked, headers={"HX-Request": "true", "HX-Target": "results"})

    page = response.content.decode()
    assert "<html" not in page
    assert 'id="list-tools" hx-swap-oob="true"' in page
    assert response["HX-Push-Url"] == "/subscriptions/?q=found&sort=-purchased&view=all"
    assert "Found" in page


# A look at a row


def test_a_look_at_a_row_shows_the_gates_the_facts_and_the_next_step(agent):
    subscription = buy(nickname="Looked at", quantity=7)

    response = agent.get(url("subscriptions:peek", subscription.pk), headers={"HX-Request": "true"})

    page = unescape(response.content.decode())
    assert "<html" not in page
    for words in ("Looked at", "Billing waits for this", "Go to publisher's site", "€70.56 per month", "data-peeking"):
        assert words in page


def test_a_look_that_is_opened_as_an_address_leads_to_the_page(agent):
    subscription = buy()

    response = agent.get(url("subscriptions:peek", subscription.pk))

    assert (response.status_code, response["Location"]) == (302, url("subscriptions:detail", subscription.pk))


# How much the database is asked


@pytest.mark.parametrize("address", [LIST, LIST + "?q=customer&sort=renewal&columns=order,reseller,since,status"])
def test_a_list_asks_as_much_for_three_rows_as_for_one(agent, address):
    buy()
    one = asked(agent, address)
    buy(), active()

    assert asked(agent, address) == one


def test_the_marketplace_tab_and_a_look_ask_as_much_for_three_rows_as_for_one(agent):
    subscription = buy()
    tab = url("customers:marketplace", subscription.customer_id)
    one = asked(agent, tab)
    buy(customer=subscription.customer), active(customer=subscription.customer)

    assert asked(agent, tab) == one


def asked(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)
