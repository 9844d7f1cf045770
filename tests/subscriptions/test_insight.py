"""Figures of the past: exact on small data through their files, their links, what is refused, and who sees what."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from html import unescape
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
import time_machine
from django.test import Client

from accounts.policy import SYSTEM, Actor, Role
from partnerhub.hooks.models import Delivery, Registration
from publishers.fulfillment.gateway import Outcome
from publishers.models import CallTally
from publishers.services.circuit import report
from subscriptions.filters import matching
from subscriptions.insight import Grain, Outage, Span, Turn, age_bands, outages
from subscriptions.insight_forms import InsightForm
from subscriptions.insight_orders import Asked, readiness_by_month
from subscriptions.models import NoticeAttempt, Operation
from subscriptions.views.insight import KINDS
from tests.factories.accounts import ClientFactory, UserFactory, actor
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy, hear, said

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 11, 23)


def read(role: Role, address: str) -> tuple[int, str]:
    browser = Client()
    browser.force_login(UserFactory(active_role=role, roles=[role]))
    with time_machine.travel(NOON, tick=False):
        answer = browser.get(address)
        return answer.status_code, answer.getvalue().decode()


def rows_of(address: str, role: Role = Role.PLATFORM_ADMIN) -> list[list[str]]:
    """The rows of a file below its headings."""
    status, text = read(role, f"/insight/{address}")
    assert status == 200, text
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))[1:]


# Days, ages and outages


@pytest.mark.parametrize(
    ("first", "last", "grain", "parts"),
    [
        ("2026-11-22", "2026-11-23", Grain.DAY, ["2026-11-22 2026-11-22", "2026-11-23 2026-11-23"]),
        ("2026-10-24", "2026-11-23", Grain.DAY, None),
        ("2026-10-23", "2026-11-23", Grain.WEEK, None),
        ("2026-11-20", "2026-11-23", None, ["2026-11-20 2026-11-22", "2026-11-23 2026-11-23"]),
        ("2026-05-24", "2026-11-23", Grain.MONTH, None),
    ],
)
def test_a_span_is_divided_so_that_its_table_can_be_read(first, last, grain, parts) -> None:
    span = Span(date.fromisoformat(first), date.fromisoformat(last))
    assert grain is None or span.grain == grain
    divided = span.parts(grain or Grain.WEEK)
    assert sum(part.days for part in divided) == span.days
    assert parts is None or [f"{part.first} {part.last}" for part in divided] == parts


def test_months_are_cut_at_the_ends_of_a_span() -> None:
    months = Span(date(2024, 1, 31), date(2024, 3, 1)).parts(Grain.MONTH)
    assert [(part.first.day, part.last.day) for part in months] == [(31, 31), (1, 29), (1, 1)]


def test_bands_of_age_hold_every_day_once() -> None:
    bands = [(band.youngest, band.oldest, band.first, band.last) for band in age_bands(TODAY)]
    assert bands[:2] == [(0, 1, date(2026, 11, 22), TODAY), (2, 3, date(2026, 11, 20), date(2026, 11, 21))]
    assert bands[-2:] == [(15, 30, date(2026, 10, 24), date(2026, 11, 8)), (31, None, None, date(2026, 10, 23))]


def test_an_opening_ends_with_the_next_closing() -> None:
    one, other = uuid4(), uuid4()
    turns = [
        Turn(one, NOON, opened=False),
        Turn(one, NOON + HOUR, opened=True, failures=5, detail="down"),
        Turn(other, NOON + 2 * HOUR, opened=True),
        Turn(one, NOON + 3 * HOUR, opened=False),
    ]
    open_still, closed = outages(turns)
    assert closed == Outage(one, NOON + HOUR, NOON + 3 * HOUR, 5, "down")
    assert (open_still.publisher_id, open_still.closed_at) == (other, None)
    assert closed.within(NOON, NOON + 2 * HOUR) == HOUR
    assert closed.within(NOON + 4 * HOUR, NOON + 5 * HOUR) == timedelta(0)
    assert open_still.within(NOON, NOON + 5 * HOUR) == 3 * HOUR


# Figures


def bought(at: datetime, ready_after: timedelta | None = None, **given):
    subscription = buy(at=at, **given)
    return hear(subscription, said(subscription), at + ready_after) if ready_after else subscription


@pytest.mark.django_db
def test_orders_are_told_by_percentiles_and_lead_to_their_lists() -> None:
    term, slow, customer = PlanTermFactory(plan__offer__publisher__name="Acme"), PlanTermFactory(), CustomerFactory()
    slow.plan.offer.publisher.name = "Slow"
    slow.plan.offer.publisher.save()
    october = datetime(2026, 10, 30, 8, tzinfo=UTC)
    for hours in (1, 2, 3):
        bought(october, hours * HOUR, term=term, customer=customer)
    for _number in range(7):
        bought(NOON - 3 * DAY, 4 * HOUR, term=term)
    bought(NOON - 5 * DAY, term=term, customer=customer)
    bought(NOON - HOUR, term=term)
    bought(NOON - 100 * DAY, term=slow)

    assert rows_of("activation/activation-by-month.csv?last=30&since=2026-10-01") == [
        ["2026-11-01", "9", "7", "14400", "14400", "14400"],
        ["2026-10-01", "3", "3", "7200", "10080", "10728"],
    ]
    assert rows_of("activation/activation-by-publisher.csv?since=2026-10-30&until=2026-10-30") == [
        ["Acme", "3", "3", "7200", "10080", "10728"]
    ]
    assert rows_of("activation/activation-by-publisher-and-month.csv?last=365")[2:] == [
        ["Slow", "2026-08-01", "1", "0", "", "", ""]
    ]
    assert rows_of(f"activation/activation-by-month.csv?last=7&customer={customer.name}") == [
        ["2026-11-17", "1", "0", "", "", ""]
    ]
    assert [row[:3] for row in rows_of("waiting/waiting-by-age.csv")] == [
        ["0–1", "1", "1"],
        ["2–3", "0", "0"],
        ["4–7", "1", "1"],
        ["8–14", "0", "0"],
        ["15–30", "0", "0"],
        ["31 or more", "1", "1"],
    ]
    # Four hours are what nine of ten of Acme's ten orders took at most; of Slow nothing is known.
    assert rows_of("waiting/stuck-by-publisher.csv?last=90") == [
        ["Acme", "2", str(5 * 86400), "14400", "1", "0.5000"],
        ["Slow", "1", str(100 * 86400), "", "–", ""],
    ]
    for address in ("?last=365", "waiting/", "waiting/?customer=" + str(customer.pk)):
        assert lists_hold_what_is_counted(address)


def lists_hold_what_is_counted(address: str) -> bool:
    """Follow the link of every number of a page that leads to a list of subscriptions."""
    name, _slash, query = address.partition("?")
    agent, kind = actor(Role.ADMIN_AGENT), KINDS[name.strip("/") or "activation"]
    params = dict(pair.split("=") for pair in query.split("&") if pair)
    form = InsightForm(params, actor=agent, today=TODAY, by_customer=True)
    assert form.is_valid(), form.errors
    followed = 0
    for _action, figures in kind.tables.values():
        for row in figures(agent, form.asked, NOON).rows:
            for cell in row:
                if isinstance(cell.value, int) and cell.url.startswith("/subscriptions/"):
                    assert matching(agent, urlsplit(cell.url).query, at=NOON).count() == cell.value, cell
                    followed += 1
    return followed > 0


@pytest.mark.django_db
def test_changes_are_told_by_how_long_they_took_and_how_many_were_refused() -> None:
    subscription = bought(NOON - 9 * DAY, HOUR)
    for hours, status in ((1, "succeeded"), (2, "failed"), (3, "succeeded"), (50, "withdrawn"), (None, "in_progress")):
        at = NOON - 2 * DAY
        Operation.objects.create(
            subscription=subscription, action="change_quantity", status=status, requested_by="Ada", created_at=at,
            next_attempt_at=at, completed_at=at + hours * HOUR if hours else None,
        )  # fmt: skip
    ours = {"action": "set_auto_renew", "status": "succeeded", "requested_by": "Ada", "next_attempt_at": NOON}
    Operation.objects.create(subscription=subscription, created_at=NOON - DAY, completed_at=NOON - DAY, **ours)

    figures = ["5", "1", "3", "0.3333", "7200", "10080", "10728"]
    assert rows_of("changes/changes-by-kind.csv?last=7") == [["Quantity change", *figures]]
    nothing = ["0", "0", "0", "", "", "", ""]
    assert rows_of("changes/changes-by-time.csv?since=2026-11-20&until=2026-11-22") == [
        ["2026-11-22", *nothing],
        ["2026-11-21", *figures],
        ["2026-11-20", *nothing],
    ]
    assert rows_of("changes/changes-by-kind.csv?last=7&customer=" + str(CustomerFactory().pk)) == []


@pytest.mark.django_db
def test_questions_circuits_and_webhooks_are_told_as_they_went() -> None:
    publisher = PublisherFactory(name="Acme")
    for hour, outcome, calls in ((-25, "answered", 90), (-24, "silent", 9), (-1, "answered", 1), (-9000, "silent", 5)):
        CallTally.objects.create(
            publisher=publisher, hour=NOON + hour * HOUR, kind="ask", outcome=outcome, calls=calls,
            milliseconds=calls * 100, slowest_milliseconds=900,
        )  # fmt: skip
    for at, outcome in ((NOON - 26 * HOUR, Outcome.FAILING), (NOON - 20 * HOUR, Outcome.ANSWERED)):
        for _again in range(5):
            report(SYSTEM, publisher.pk, outcome, detail="HTTP 503", at=at)
    for milliseconds, status in ((100, 200), (200, 200), (300, 500), (60_000, None)):
        NoticeAttempt.objects.create(
            publisher=publisher, number=1, sent_at=NOON - HOUR, sent_by="Hub", webhook_url="https://acme.example/",
            payload={}, outcome="answered" if status == 200 else "failing", http_status=status,
            milliseconds=milliseconds,
        )  # fmt: skip
    registration = Registration.objects.create(
        client=ClientFactory(name="Portal"), url="https://portal.example/", events=["a"], created_at=NOON - DAY
    )
    for seconds in (1, 2, 3, None):
        arrived = {"delivered_at": NOON + seconds * timedelta(seconds=1)} if seconds else {"next_attempt_at": NOON}
        Delivery.objects.create(
            registration=registration, event_id=uuid4(), event_name="a", body="{}", created_at=NOON, **arrived
        )

    days = "?since=2026-11-22&until=2026-11-23"
    assert rows_of(f"publishers/questions-by-time.csv{days}") == [
        ["2026-11-23", "1", "1", "0", "0", "0", "0", "0", "0"],
        ["2026-11-22", "99", "90", "0", "0", "0", "9", "0", "0"],
    ]
    assert rows_of(f"publishers/questions-by-publisher.csv{days}") == [["Acme", "100", "0.9100", "100", "900"]]
    opened = ["Acme", "2026-11-22T10:00:00Z", "2026-11-22T16:00:00Z", "21600", "5", "HTTP 503"]
    assert rows_of(f"publishers/circuits.csv{days}") == [opened]
    assert rows_of("publishers/circuits.csv?since=2026-11-23") == []
    assert rows_of(f"webhooks/publisher-webhooks.csv{days}") == [["Acme", "4", "0.5000", "200", "280", "298"]]
    assert rows_of(f"webhooks/program-webhooks.csv{days}") == [["Portal", "4", "3", "1", "0", "2000", "2800", "2980"]]
    assert rows_of(f"webhooks/program-webhooks-by-time.csv{days}")[0] == [
        "2026-11-23", "4", "3", "1", "0", "2000", "2800", "2980",
    ]  # fmt: skip


# What cannot be shown, and who sees what


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=2025-10-19", "These are 401 days. At most 400 are shown at once: choose a shorter period."),
        ("since=2026-11-23&until=2026-11-22", "The last day is 22 Nov 2026, but the first is 23 Nov 2026."),
        ("since=2026-11-24&until=2026-12-01", "24 Nov 2026 has not come yet."),
        ("since=yesterday", "Enter a valid date."),
        ("last=8", "Choose one of the periods, or days."),
        ("publisher=none", "“none” is not a valid UUID."),
        ("publisher=00000000-0000-4000-8000-000000000000", "There is no such publisher."),
        ("customer=Nobody", "No customer has this name or ID: Nobody."),
        ("customer=bakery", "Several customers are called so: Bakery A, Bakery B. Write the whole name, or the ID."),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_reason(query: str, sentence: str) -> None:
    CustomerFactory(name="Bakery A")
    CustomerFactory(name="Bakery B")
    for address in (f"/insight/?{query}", f"/insight/activation/activation-by-month.csv?{query}"):
        status, page = read(Role.OPS_AGENT, address)
        assert (status, sentence in unescape(page)) == (422, True)


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_every_role_reads_and_only_who_manages_programs_sees_what_they_are_told(role: Role) -> None:
    pages = {name: read(role, f"/insight/{name}/?last=365") for name in KINDS}
    assert {status for status, _page in pages.values()} == {200}
    assert "Nothing was bought in this period." in pages["activation"][1]
    manages = role == Role.PLATFORM_ADMIN
    assert ("No program was told anything in this period." in pages["webhooks"][1]) == manages
    assert read(role, "/insight/webhooks/program-webhooks.csv")[0] == (200 if manages else 404)
    at_home = read(role, "/insight/charts/")[1]
    assert [one in at_home for one in ("From purchase to activation</h2>", "What waits</h2>")] == [True, True]
    assert read(role, "/insight/nothing/")[0] == read(role, "/insight/activation/circuits.csv")[0] == 404


@pytest.mark.django_db
def test_a_scope_of_customers_narrows_the_figures(django_assert_num_queries) -> None:
    own, other = bought(NOON - DAY, HOUR), bought(NOON - DAY, HOUR)
    scoped = Actor("client", "c", "C", Role.ADMIN_AGENT, customers=frozenset({own.customer_id, UUID(int=1)}))
    asked = Asked(Span(date(2026, 11, 1), TODAY))
    with django_assert_num_queries(2):
        found = [readiness_by_month(who, asked) for who in (scoped, actor(Role.ADMIN_AGENT))]
    assert [one[date(2026, 11, 1)].bought for one in found] == [1, 2]
    assert other.customer_id != own.customer_id
