"""The list of all subscriptions tells what each one's own resource tells, narrowed and sorted as the page's is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.policy import Role
from accounts.tokens import PARTNER_CENTER, Version, issue
from publishers.fulfillment.gateway import Answer, Outcome
from subscriptions.filters import matching
from subscriptions.models import Subscription
from subscriptions.services.ending import cancel
from subscriptions.sorts import SORTS, order_of, sortable
from tests.api.conftest import LATER, Program, refused
from tests.factories.accounts import ClientFactory
from tests.factories.billing import ADMIN
from tests.factories.customers import CustomerFactory, ResellerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(billing_data):
    """One of each kind, three of them bought at the same moment."""
    customer, reseller = CustomerFactory(name="Żubr", country="PL"), ResellerFactory()
    hear(buy(customer=customer, at=NOON - timedelta(days=2)), Answer(Outcome.SILENT))
    refusing = buy(at=NOON - timedelta(days=1))
    hear(refusing, said(refusing, "Unsubscribed"))
    ended = buy(quantity=3)
    cancel(ADMIN, ended.pk, reason="No more", version=None, at=NOON, hold=False)
    buy(customer=customer, partner_id=reseller.partner_id)
    active(term=PlanTermFactory(term="P1Y"))
    active(term=PlanTermFactory(plan__trial_days=14), customer=customer)


def read(program: Program, query: str) -> list[str]:
    return [item["id"] for item in program.get(f"/subscriptions?{query}").json()["items"]]


def follow(program: Program, page, name: str):
    link = page["links"][name]
    headers = {header["key"].replace("-", "_"): header["value"] for header in link["headers"]}
    return program.send("get", link["uri"], **headers).json()


def walked(program: Program, query: str) -> list[list[str]]:
    """The ids of each page, to the last one and all the way back."""
    page = program.get(f"/subscriptions?{query}").json()
    there, back = [page], []
    while "next" in there[-1]["links"]:
        there.append(follow(program, there[-1], "next"))
    back.append(there[-1])
    while "previous" in back[0]["links"]:
        back.insert(0, follow(program, back[0], "previous"))
    ids = [[[item["id"] for item in each["items"]] for each in way] for way in (there, back)]
    assert ids[0] == ids[1]
    return ids[0]


def test_a_row_tells_what_the_subscription_itself_tells(admin, shop):
    rows = admin.get("/subscriptions").json()["items"]
    assert (len(rows), {row["status"] for row in rows}) == (6, {"pending", "active", "deleted"})
    assert {row["attentionReason"] for row in rows} == {
        *("", "awaiting_customer_setup", "publisher_silent", "publisher_refused")
    }
    for row in rows:
        whole = admin.send("get", row["links"]["self"]["uri"], Prefer="every-status").json()
        profile = admin.get(f"/customers/{row['customerId']}/profiles/company").json()
        told = whole | {"customerId": row["customerId"], "customerName": profile["companyName"]}
        told["links"] = {"self": whole["links"]["self"]}
        assert row == {name: told[name] for name in row}
        assert whole.keys() & {"effectiveStartDate", "commitmentEndDate"} <= row.keys()


def test_pages_lead_through_every_order_and_back(admin, shop):
    for sort in [f"{sign}{name}" for name in SORTS for sign in ("", "-")]:
        key, *others = order_of(sort)
        field = F(key.removeprefix("-"))
        by = field.desc(nulls_last=True) if sort.startswith("-") else field.asc(nulls_last=True)
        expected = [str(one.pk) for one in sortable(Subscription.objects.all(), sort).order_by(by, *others)]
        found = walked(admin, f"sort={sort}&size=2")
        assert [one for page in found for one in page] == expected, sort
        assert [len(page) for page in found] == [2, 2, 2]


@pytest.mark.parametrize("sort", ["publisher", "-publisher"])
def test_publishers_are_read_one_after_the_other_and_the_newest_of_each_first(admin, sort):
    """Also where a page ends within a publisher, with one, and among what was bought at the same moment."""
    for number, name in enumerate(("Beta", "Alpha", "Gamma", "Empty")):
        term = PlanTermFactory(plan__offer__publisher__name=name)
        for hours in (0, 1, 1, 1, 5)[: number + 3 if name != "Empty" else 0]:
            buy(term=term, at=NOON - timedelta(hours=hours))
    rows = Subscription.objects.order_by(f"{sort}__name", "-purchased_at", "-id")
    expected = [str(pk) for pk in rows.values_list("pk", flat=True)]
    assert len(expected) == 3 + 4 + 5

    for size in (1, 2, 3, 4, 5, 11, 12):
        assert [one for page in walked(admin, f"sort={sort}&size={size}") for one in page] == expected
    # What is narrowed is read in another way, in the same order.
    pending = f"sort={sort}&size=2&status=pending_fulfillment_start"
    assert [one for page in walked(admin, pending) for one in page] == expected
    first = rows.filter(publisher__name="Gamma").values_list("pk", flat=True)
    of_one = f"sort={sort}&size=2&publisher={rows.get(pk=first[0]).publisher_id}"
    assert [one for page in walked(admin, of_one) for one in page] == [str(pk) for pk in first]


def test_a_token_of_two_keys_is_refused_where_three_are_needed(admin, shop):
    page = admin.get("/subscriptions?size=2&sort=customer").json()
    headers = {header["key"]: header["value"] for header in page["links"]["next"]["headers"]}
    refused(admin.send("get", "/subscriptions?seekOperation=Next&sort=publisher", **headers), 400, 800002)


def test_it_is_narrowed_as_the_page_is(admin, shop):
    one = Subscription.objects.select_related("customer", "order_line__order", "reseller").earliest("purchased_at")
    reseller = Subscription.objects.exclude(reseller=None).get().reseller_id
    queries = {
        *(f"status={status}" for status in ("pending_fulfillment_start", "subscribed", "suspended", "unsubscribed")),
        *(f"publisher={one.publisher_id}", f"customer={one.customer_id}", "reason=publisher_silent", "owner=partner"),
        *("waiting=yes", "term=P1Y", "auto_renew=off", "renews_within=40", "country=pl", "currency=EUR"),
        *(f"reseller={reseller}", "purchased_from=2026-11-23", "purchased_to=2026-11-21"),
        *(f"q={one.nickname}", f"q={str(one.pk)[:8]}", "q=żubr", f"q={one.order_line.order.number}", "q=żu", "q=zzz"),
        *("q=żubr&status=subscribed", "unknown=1", "q="),
    }
    found = {query: read(admin, query) for query in queries}
    assert found == {query: [str(pk) for pk in _ids(query)] for query in queries}
    assert {len(ids) for ids in found.values()} == {0, 1, 2, 3, 4, 6}


def _ids(query: str):
    return matching(ADMIN, query, at=LATER).values_list("pk", flat=True)


UNREADABLE = (
    *("status=active", "publisher=1", "customer=x", "reason=none", "sort=price", "sort=--quantity", "size=0"),
    *("size=501", "seekOperation=next", "renews_within=-1", "purchased_from=tomorrow", "currency=EURO", "q=%00"),
    f"q={'x' * 201}",
)


def test_what_it_cannot_read_is_refused(admin):
    for query in UNREADABLE:
        assert refused(admin.get(f"/subscriptions?{query}"), 400, 800002)


def test_a_token_of_another_order_is_refused(admin, shop):
    page = admin.get("/subscriptions?size=2&sort=customer").json()
    headers = {header["key"]: header["value"] for header in page["links"]["next"]["headers"]}
    refused(admin.send("get", "/subscriptions?seekOperation=Next&sort=quantity", **headers), 400, 800002)


def test_it_costs_two_statements_a_program_and_its_search_one_more(client: Client, shop, settings):
    program = ClientFactory(role=Role.OPS_AGENT, last_used_at=LATER)
    token = issue(program, audience=PARTNER_CENTER, version=Version.V2, at=LATER).access_token
    few = f"status=subscribed&publisher={Subscription.objects.first().publisher_id}&customer="
    costs = {}
    for query in ("size=1", "size=50", "size=50&sort=-renewal", few, "q=żubr", f"q=żubr&{few}"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/v1/subscriptions?{query}", headers={"Authorization": f"Bearer {token}"}).json()
        assert not [one["sql"] for one in queries.captured_queries if "COUNT(" in one["sql"]]
        costs[query] = len(queries)
    assert costs == {"size=1": 2, "size=50": 2, "size=50&sort=-renewal": 2, few: 2, "q=żubr": 3, f"q=żubr&{few}": 3}
