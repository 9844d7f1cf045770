"""The queue of what somebody must act on: its items, its rows, who works it, and how cheaply it stays live."""

import html
import json
import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
import time_machine
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from accounts.policy import SYSTEM, Actor, Role
from customers.services.customers import end_relationship
from partnerhub.errors import (
    AssigneeUnfit,
    AttentionSettled,
    HubError,
    NotFound,
    NothingToPoll,
    NotPermitted,
    SnoozeOver,
)
from partnerhub.jobs.models import Job
from partnerhub.mail.models import Message
from partnerhub.money import Money
from partnerhub.outbox.models import Event
from publishers.fulfillment.gateway import Answer, Outcome
from publishers.models import Circuit, Plan, Policy, Publisher
from publishers.selectors import policy_duration
from publishers.services.circuit import Report, report_all
from subscriptions.attending import attention_visible_to, changes_ahead, not_aside, open_items, soonest
from subscriptions.attention import BANDS, CAUSES, Inbox, band_of, urgency
from subscriptions.changes import Change
from subscriptions.divergences import Values
from subscriptions.enums import Acceptance, Cause, DivergenceKind, NextAction, Reason, Remedy, Status
from subscriptions.gates import blocker
from subscriptions.models import (
    AttentionItem,
    CustomerPage,
    Gate,
    RankedItem,
    Ranking,
    RenewalNotice,
    Subscription,
    TouchedSubscription,
    Triage,
)
from subscriptions.models.operation import NOTICES
from subscriptions.ranking import count_by_cause, most_urgent, next_change
from subscriptions.services.asking import press
from subscriptions.services.customer_pages import revoke_page, send_page
from subscriptions.services.divergences import note_divergences
from subscriptions.services.ending import cancel
from subscriptions.services.links import mint_link, resolve_token
from subscriptions.services.notes import add_note, mentioned
from subscriptions.services.quantity import change_quantity
from subscriptions.services.ranking import keep_ranked
from subscriptions.services.requests import ask, decline
from subscriptions.services.settling import accept, refuse
from subscriptions.services.suspension import reinstate, suspend
from subscriptions.services.triage import assign, let_change_be, snooze, wake
from subscriptions.views.queue_actions import _STEPS
from subscriptions.words import REMEDY
from tests.factories.accounts import UserFactory, actor
from tests.factories.customers import CustomerFactory
from tests.factories.jobs import work
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy, hear, said

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUEUE = "/attention/"
ASSIGNED = "subscription.attention_assigned"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def person(*roles: Role, **given) -> User:
    return UserFactory(active_role=roles[0], roles=list(roles), **given)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def ops() -> User:
    return person(Role.OPS_AGENT, name="Olga Ops", email="olga@partnerhub.example")


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def items_of(subscription: Subscription, at: datetime = NOON) -> list[str]:
    return list(open_items(at).filter(subscription=subscription).values_list("pk", flat=True))


def events_named(name: str) -> list[Event]:
    return list(Event.objects.filter(name=name).order_by("at", "sequence"))


def toast_of(response) -> str:
    return json.loads(response["HX-Trigger"])["toast"]["text"]


def htmx(client: Client, method: str, url: str, data=None, **headers):
    return getattr(client, method)(url, data, headers={"HX-Request": "true", **headers})


# What comes first


def test_items_are_in_bands_of_their_deadlines_and_within_one_by_money():
    deadlines = [None, *(NOON + span + shift for span in BANDS for shift in (timedelta(0), timedelta(seconds=1)))]

    assert [band_of(deadline, NOON) for deadline in deadlines] == [4, 0, 1, 1, 2, 2, 3, 3, 4]
    assert urgency(NOON, Decimal(5), NOON) < urgency(NOON, Decimal(4), NOON) < urgency(NOON + HOUR, Decimal(9), NOON)


def test_windows_close_and_open_as_the_policies_of_their_plans_say():
    """The database chooses among rows as `PolicyBook` does: the narrowest, of its term, in force at the purchase."""
    ago, bought = NOON - 900 * DAY, [buy(at=NOON - 6 * HOUR) for _ in range(4)]
    own, offered, published, _plain = bought
    rows: list[dict] = [
        {"plan": own.plan, "value": "PT9H", "valid_from": ago},
        {"plan": own.plan, "value": "PT8H", "valid_from": ago, "term": own.plan_term.term},
        {"plan": own.plan, "value": "PT1H", "valid_from": NOON - 5 * HOUR},
        {"plan": offered.plan, "value": "PT1H", "valid_from": ago, "valid_to": NOON - 7 * HOUR},
        {"offer": offered.offer, "value": "PT10H", "valid_from": ago},
        {"publisher": offered.publisher, "value": "PT1H", "valid_from": ago},
        {"publisher": published.publisher, "value": "PT11H", "valid_from": ago},
    ]
    for row in rows:
        Policy.objects.create(name="cancel_within", **row)

    windows = open_items(NOON).filter(cause=Cause.WINDOW_CLOSING)

    expected = {own.pk: 8, offered.pk: 10, published.pk: 11}
    found = dict(windows.values_list("subscription", "deadline"))
    assert found == {pk: NOON + (hours - 6) * HOUR for pk, hours in expected.items()}
    for one in bought:
        ends = policy_duration("cancel_within", one.plan, one.purchased_at, one.plan_term.term)
        assert found.get(one.pk, NOON + (72 - 6) * HOUR) == one.purchased_at + ends


def test_every_cause_belongs_to_one_class_of_home():
    assert sorted(cause for causes in CAUSES.values() for cause in causes) == sorted([*Reason, *Cause])
    assert list(CAUSES) == list(Inbox)


def test_a_subscription_has_one_row_and_the_most_urgent_comes_first(ops):
    small, large = buy(quantity=2), buy(quantity=9)
    near = buy(quantity=1, at=NOON - 28 * DAY)

    page = signed_in(ops).get(QUEUE)

    rows = page.context["rows"]
    assert [row.key for row in rows] == [str(near.pk), str(large.pk), str(small.pk)]
    assert [row.chips for row in rows] == [("Activation deadline",), (), ()]
    assert rows[0].reason == "The set-up has not been started on the publisher's site."
    assert (rows[1].at_risk, rows[1].owner) == (Money(Decimal("90.72"), "EUR"), "Customer")
    assert "<title>(3) Action required" in re.sub(r"\s+", " ", page.content.decode())


def test_the_queue_asks_the_database_as_often_for_more_rows(ops):
    client = signed_in(ops)
    for _ in range(2):
        buy(at=NOON - 28 * DAY)

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(QUEUE).status_code == 200
        return len(captured)

    asked()
    few = asked()
    for _ in range(3):
        buy(at=NOON - 28 * DAY)

    assert asked() == few


def test_filters_narrow_the_queue_and_what_is_put_aside_has_a_place_of_its_own(ops):
    shown, hidden, silent = buy(), buy(), buy(customer=CustomerFactory(name="Zażółć"))
    hear(silent, Answer(Outcome.SILENT))
    client, me = signed_in(ops), ops.actor()
    assign(me, items_of(shown), to=ops.pk, at=NOON)
    snooze(me, items_of(hidden), until=None, at=NOON)

    def found(query: str) -> set[str]:
        return {row.key for row in client.get(f"{QUEUE}?{query}").context["rows"]}

    assert {
        query: found(query)
        for query in ("", "assignee=me", "assignee=nobody", "snoozed=yes", "inbox=publisher_silent", "owner=publisher")
    } == {
        "": {str(shown.pk), str(silent.pk)},
        "assignee=me": {str(shown.pk)},
        "assignee=nobody": {str(silent.pk)},
        "snoozed=yes": {str(hidden.pk)},
        "inbox=publisher_silent": {str(silent.pk)},
        "owner=publisher": {str(silent.pk)},
    }
    assert found("customer=zażó") == found(f"publisher={silent.publisher_id}") == {str(silent.pk)}
    file = b"".join(client.get(f"{QUEUE}export.csv?inbox=publisher_silent").streaming_content).decode()
    assert file.splitlines()[1].split(",")[:2] == [str(silent.pk), silent.nickname]


# What clears it


def expired_link():
    subscription = buy(at=NOON - 3 * DAY)
    mint_link(actor(Role.OPS_AGENT), subscription.pk, at=NOON - 2 * DAY)
    return subscription


def send_to_customer(subscription: Subscription, at: datetime) -> CustomerPage:
    words = {"recipient": "it@customer.example", "language": "en", "subject": "Set-up", "body": "Please finish it."}
    return send_page(ADMIN, subscription.pk, page_id=uuid4(), at=at, **words)


def waiting_change(refused: bool = False):
    subscription = active(at=NOON - DAY, quantity=10)
    change_quantity(ADMIN, subscription.pk, quantity=14, version=None, at=NOON - 2 * HOUR)
    if refused:
        refuse(SYSTEM, subscription.operations.get().pk, why="no seats left", at=NOON - HOUR)
    return subscription


def suspended():
    subscription = active(at=NOON - DAY)
    return suspend(ADMIN, subscription.pk, reason="unpaid", version=None, at=NOON - HOUR)


def differing():
    subscription = active(at=NOON - DAY)
    judged = {DivergenceKind.QUANTITY_DIFFERS: Values("7", "9")}
    with transaction.atomic():
        note_divergences(SYSTEM, subscription, judged, {}, at=NOON)
    return subscription


def renewing():
    customer, monthly = CustomerFactory(beneficiary_email="it@customer.example"), PlanTermFactory(term="P1M")
    subscription = active(at=NOON - 27 * DAY, customer=customer, term=monthly)
    assert subscription.term_end == date(2026, 11, 27)
    return subscription


def asks_for_more():
    one = buy()
    where = "https://publisher.example/vat"
    return hear(one, said(one, "PendingFulfillmentStart", message="VAT number?", action_url=where))


def refused_order():
    one = buy()
    return hear(one, said(one, "Unsubscribed"))


def change_asked():
    one = active(at=NOON - DAY)
    ask(SELLER, one.pk, Change(quantity=one.quantity + 2), reason="more", at=NOON)
    return one


ADMIN, SELLER = actor(Role.ADMIN_AGENT), actor(Role.SALES_AGENT)
# Each cause by how it comes about: its button, and what is left of it once that was pressed.
CAUSED = {
    Cause.LINK_EXPIRED: (expired_link, ("open", "Send to customer"), True),
    Cause.CHANGE_FAILED: (lambda: waiting_change(refused=True), ("post", "Let it be"), False),
    Cause.CHANGE_WAITING: (waiting_change, ("post", "Ask the publisher now"), True),
    Cause.PAYMENT_SUSPENDED: (suspended, ("open", "Reinstate"), True),
    Cause.DRIFT: (differing, ("open", "Settle the divergence"), True),
    Cause.ACTIVATION_DEADLINE: (lambda: buy(at=NOON - 29 * DAY), ("open", "Look at it"), True),
    Cause.RENEWAL_UNANNOUNCED: (renewing, ("post", "Tell the customer"), False),
    Reason.PUBLISHER_SILENT: (lambda: hear(buy(), Answer(Outcome.SILENT)), ("post", "Ask the publisher now"), True),
    Reason.AWAITING_CUSTOMER_SETUP: (buy, ("go", "Go to publisher's site"), None),
    Reason.PUBLISHER_ASKS: (asks_for_more, ("away", "Answer the publisher"), None),
    Reason.PUBLISHER_REFUSED: (refused_order, ("open", "Cancel the subscription"), True),
    Cause.WINDOW_CLOSING: (lambda: buy(at=NOON - 60 * HOUR), ("open", "Look at it"), True),
    Cause.CHANGE_ASKED: (change_asked, ("open", "Decide on the request"), True),
}


@pytest.mark.parametrize("cause", CAUSED, ids=str)
def test_the_button_of_an_item_does_what_clears_it(cause, ops):
    comes_about, shown, stays = CAUSED[cause]
    subscription, client = comes_about(), signed_in(person(Role.ADMIN_AGENT))

    row = client.get(f"{QUEUE}?cause={cause}").context["rows"][0]

    assert (row.key, (row.step.kind, row.step.label), row.step.denied) == (str(subscription.pk), shown, None)
    if row.step.kind == "post":
        assert htmx(client, "post", row.step.url).status_code == 204
        Message.objects.update(sent_at=NOON, body=b"", next_attempt_at=None)
    elif row.step.kind == "open":
        assert client.get(row.step.url).status_code == 200
    left = open_items(NOON).filter(subscription=subscription, cause=cause).exists()
    assert left == (stays is not False)


def test_whatever_moves_things_on_is_a_button_with_a_name():
    assert set(_STEPS) == {"", *NextAction, *Remedy}
    assert set(REMEDY) == {*NextAction, *Remedy}


def test_a_link_that_has_run_out_needs_nobody_while_a_page_of_the_customers_makes_fresh_ones():
    subscription = expired_link()
    item = f"{subscription.pk}:{Cause.LINK_EXPIRED}"

    page = send_to_customer(subscription, NOON)

    assert [item in items_of(subscription, page.expires_at - shift) for shift in (timedelta.resolution, 0 * DAY)] == [
        False,
        True,
    ]
    revoke_page(ADMIN, subscription.pk, page.pk, at=NOON)
    assert item in items_of(subscription)


def test_what_only_others_may_do_says_who_can(ops):
    waiting_change(refused=True)

    row = signed_in(person(Role.SALES_AGENT)).get(f"{QUEUE}?cause=change_failed").context["rows"][0]

    assert row.step.denied.who == "Admin agent, Operations agent, Platform admin"


def test_a_publisher_has_a_row_of_its_own_for_whoever_sees_every_customer(ops):
    publisher = buy().publisher
    publisher.circuit, publisher.circuit_retry_at = Circuit.OPEN, NOON + HOUR
    publisher.save()
    key = f"{publisher.pk}:publisher_down"
    scoped = Actor("client", str(uuid4()), "A program", Role.OPS_AGENT, customers=frozenset({uuid4()}))

    row = signed_in(ops).get(f"{QUEUE}?cause=publisher_down").context["rows"][0]

    assert (row.key, row.title, row.step.label, row.customer) == (key, publisher.name, "Try it now", "")
    assert htmx(signed_in(ops), "post", row.triage_url, {"act": "take"}).status_code == 204
    assert [event.stream_id for event in events_named("publisher.attention_assigned")] == [publisher.pk]
    assert list(attention_visible_to(scoped, NOON)) == []


# Who works it


def test_an_item_is_taken_given_away_and_released_and_the_timeline_says_so(ops):
    subscription, other = buy(), person(Role.ADMIN_AGENT, name="Adam")
    items, me = items_of(subscription), ops.actor()

    for to in (ops.pk, ops.pk, other.pk, None):
        assert assign(me, items, to=to, at=NOON) == 1

    names = [event.data["assignee"] and event.data["assignee"]["name"] for event in events_named(ASSIGNED)]
    assert names == ["Olga Ops", "Adam", None]
    page = text_of(signed_in(ops).get(reverse("subscriptions:detail", args=[subscription.pk])))
    assert "Adam takes care of it." in page
    assert Subscription.objects.get().version == subscription.version


def test_what_is_put_aside_comes_back_at_its_time_when_it_changes_or_when_woken(ops):
    timed, changing, woken = buy(), buy(), buy()
    me = ops.actor()
    snooze(me, items_of(timed), until=NOON + HOUR, at=NOON)
    snooze(me, items_of(changing) + items_of(woken), until=None, at=NOON)

    def shown(at):
        return {row.subscription_id for row in not_aside(open_items(at), at)}

    assert (shown(NOON), next_change(NOON)) == (set(), NOON + timedelta(minutes=10))
    assert next_change(NOON + HOUR - timedelta(minutes=1)) == NOON + HOUR
    assert shown(NOON + HOUR) == {timed.pk}
    hear(changing, Answer(Outcome.SILENT), at=NOON + HOUR)
    wake(me, items_of(woken), at=NOON)
    assert shown(NOON + HOUR) == {timed.pk, changing.pk, woken.pk}
    untils = Counter(event.data["until"] for event in events_named("subscription.attention_snoozed"))
    assert untils == {(NOON + HOUR).isoformat(): 1, None: 2}


def test_what_cannot_be_done_changes_nothing(ops):
    subscription, seller = buy(), person(Role.SALES_AGENT, name="Sue")
    failed, final = waiting_change().operations.get(), waiting_change(refused=True).operations.get()
    items, me = items_of(subscription), ops.actor()
    before = Event.objects.count()

    for refusal, act in (
        (NotPermitted, lambda: assign(seller.actor(), items, to=seller.pk, at=NOON)),
        (NotPermitted, lambda: snooze(seller.actor(), items, until=None, at=NOON)),
        (NotPermitted, lambda: wake(seller.actor(), items, at=NOON)),
        (NotPermitted, lambda: let_change_be(seller.actor(), failed.subscription_id, failed.pk, at=NOON)),
        (AssigneeUnfit, lambda: assign(me, items, to=seller.pk, at=NOON)),
        (NotFound, lambda: assign(me, items, to=uuid4(), at=NOON)),
        (SnoozeOver, lambda: snooze(me, items, until=NOON, at=NOON)),
        (AttentionSettled, lambda: assign(me, ["gone"], to=ops.pk, at=NOON)),
        (AttentionSettled, lambda: let_change_be(me, failed.subscription_id, failed.pk, at=NOON)),
        (NotFound, lambda: let_change_be(me, subscription.pk, failed.pk, at=NOON)),
        (NothingToPoll, lambda: press(me, final.subscription_id, final.pk, at=NOON)),
    ):
        with pytest.raises(refusal), transaction.atomic():
            act()

    assert (Triage.objects.count(), Event.objects.count()) == (0, before)
    failed.refresh_from_db()
    assert failed.seen_at is None


def test_selected_rows_are_worked_together(ops):
    first, second, client = buy(), buy(at=NOON - 29 * DAY), signed_in(ops)
    ids = [str(first.pk), str(second.pk), "nonsense"]

    taken = htmx(client, "post", f"{QUEUE}triage/", {"act": "take", "ids": ids[:2]})
    aside = client.post(f"{QUEUE}triage/", {"act": "snooze", "until": "morning", "ids": ids, "next": f"{QUEUE}?x=1"})
    nothing = htmx(client, "post", f"{QUEUE}triage/", {"act": "take"})

    assert (taken.status_code, toast_of(taken)) == (204, "2 rows: You take care of them.")
    assert (aside.status_code, aside.headers["Location"]) == (302, f"{QUEUE}?x=1")
    assert "select at least one row" in toast_of(nothing)
    rows = Triage.objects.order_by("item").values_list("item", "assignee", "snoozed_until")
    tomorrow = datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert list(rows) == [(item, ops.pk, tomorrow) for item in sorted(items_of(first) + items_of(second))]


def test_all_that_a_filter_leaves_are_worked_by_a_job_with_a_plan(ops):
    """However many they are; what begins to match later is not touched."""
    matching, client = [buy(quantity=each) for each in (2, 3)], signed_in(ops)
    elsewhere, filters = buy(), f"publisher={matching[0].publisher_id}"
    Subscription.objects.filter(pk=matching[1].pk).update(publisher=matching[0].publisher)

    def planned(**given):
        answer = htmx(client, "post", f"{QUEUE}triage/", given)
        return work(Job.objects.get(pk=answer["HX-Redirect"].split("/")[2]))

    aside = planned(act="snooze", until="day", day="2026-11-25", hour="14:30", matching=filters)
    later = buy(at=NOON)
    Subscription.objects.filter(pk=later.pk).update(publisher=matching[0].publisher)

    page = text_of(client.get(reverse("jobs:job", args=[aside.pk])))
    assert ("Put aside what must be acted on" in page, "Put 2 rows aside" in page) == (True, True)
    assert Triage.objects.count() == 0
    client.post(reverse("jobs:confirm", args=[aside.pk]))
    work(aside)
    moment = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
    assert dict(Triage.objects.values_list("subscription", "snoozed_until")) == {one.pk: moment for one in matching}
    asked = planned(act="poll", ids=[str(one.pk) for one in (elsewhere, later)])
    assert (asked.kind, asked.rows.count()) == ("subscriptions.bulk", 2)
    for wrong, told in (
        ({"act": "take", "matching": "cause=nonsense"}, "filter"),
        ({"act": "take", "matching": "cause=drift"}, "select"),
        ({"act": "nonsense", "matching": ""}, "nonsense"),
        ({"act": "snooze", "until": "day", "matching": ""}, "Choose a day."),
    ):
        assert told in toast_of(htmx(client, "post", f"{QUEUE}triage/", wrong))
    assert Job.objects.count() == 2


def test_the_dialog_assigns_puts_aside_notes_and_keeps_what_was_typed(ops):
    subscription, other, client = buy(), person(Role.ADMIN_AGENT, name="Adam"), signed_in(ops)
    url, dialog = f"{QUEUE}act/{subscription.pk}/", f"{QUEUE}row/{subscription.pk}/"

    assert "Adam" in text_of(htmx(client, "get", dialog))
    assert htmx(client, "post", url, {"act": "assign", "assignee": str(other.pk)}).status_code == 204
    late = htmx(client, "post", url, {"act": "snooze", "until": "day", "day": "2026-11-23"})
    assert (late.status_code, "It can be put aside until a later moment only" in text_of(late)) == (422, True)
    assert 'value="2026-11-23"' in late.content.decode()
    noted = htmx(client, "post", url, {"act": "note", "text": "Ask @adam and @Olga Ops, not x@olga@partnerhub.example"})
    assert json.loads(noted["HX-Trigger"])["closeDialog"] is True
    assert client.get(dialog).status_code == 200
    assert Triage.objects.get().assignee == other
    [event] = events_named("subscription.noted")
    assert set(event.data["mentions"]) == {str(other.pk), str(ops.pk)}
    assert htmx(client, "get", f"{QUEUE}row/{uuid4()}/").status_code == 404


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nobody", set()),
        ("@olga@partnerhub.example", {"olga"}),
        ("(@Olga Ops)", {"olga"}),
        ("mail olga@partnerhub.example", set()),
        ("@olga@partnerhub.example.org", set()),
        ("@OLGA OPS: and @al", {"olga", "al"}),
        ("@alan", set()),
    ],
)
def test_a_note_names_people_by_address_or_name(text, named):
    people = {
        "olga": person(Role.OPS_AGENT, name="Olga Ops", email="olga@partnerhub.example"),
        "al": person(Role.SALES_AGENT, name="Al"),
    }

    assert set(mentioned(text)) == {str(people[name].pk) for name in named}


# Staying live


def test_an_idle_page_is_told_so_for_one_query_and_renders_nothing(ops):
    subscription = buy()
    for page, live in ((QUEUE, f"{QUEUE}live/"), ("/", "/home/live/")):
        client = signed_in(ops)
        etag = f'"{client.get(page).context["etag"]}"'

        with CaptureQueriesContext(connection) as captured:
            same = htmx(client, "get", live, **{"If-None-Match": etag})

        assert (same.status_code, same.content, same.templates) == (304, b"", [])
        assert (len(captured), same["ETag"]) == (1, etag)
        other = htmx(signed_in(person(Role.ADMIN_AGENT)), "get", live, **{"If-None-Match": etag})
        assert other.status_code == 200
        add_note(ADMIN, subscription.pk, text="hello", at=NOON)
        anew = htmx(client, "get", live, **{"If-None-Match": etag})
        assert (anew.status_code, "<title>(1)" in anew.content.decode()) == (200, True)
        assert anew.context["etag"] != etag.strip('"')


def test_what_changes_nothing_that_is_shown_renders_nothing(ops):
    shown, elsewhere = buy(), buy()
    client, of_one, nobodys = signed_in(ops), f"?publisher={shown.publisher_id}", CustomerFactory()
    for page, live, asks, happens in (
        (QUEUE, f"{QUEUE}live/", of_one, lambda: add_note(ADMIN, elsewhere.pk, text="of another publisher", at=NOON)),
        (
            "/",
            "/home/live/",
            "",
            lambda: end_relationship(ADMIN, nobodys.pk, reason="moved", version=None, at=NOON),
        ),
    ):
        known = client.get(f"{page}{asks}").context["etag"]
        happens()

        same = htmx(client, "get", f"{live}{asks}", **{"If-None-Match": f'"{known}"'})

        assert (same.status_code, same.templates, same["ETag"] == f'"{known}"') == (304, [], False)
        with CaptureQueriesContext(connection) as captured:
            assert htmx(client, "get", f"{live}{asks}", **{"If-None-Match": same["ETag"]}).status_code == 304
        assert len(captured) == 1
        add_note(ADMIN, shown.pk, text="of this one", at=NOON)
        assert htmx(client, "get", f"{live}{asks}", **{"If-None-Match": same["ETag"]}).status_code == 200


def test_an_idle_page_is_no_way_around_the_end_of_a_session_or_a_role(ops):
    buy()

    def ends(how) -> int:
        client = signed_in(User.objects.get(pk=ops.pk))
        etag = f'"{client.get(QUEUE).context["etag"]}"'
        assert htmx(client, "get", f"{QUEUE}live/", **{"If-None-Match": etag}).status_code == 304
        how(client)
        return htmx(client, "get", f"{QUEUE}live/", **{"If-None-Match": etag}).status_code

    def other_role(_client: Client) -> None:
        ops.roles_held.create(role=Role.ADMIN_AGENT)

    assert ends(lambda client: client.post("/accounts/sign-out/")) == 302
    assert ends(lambda client: client.session.flush()) == 302
    assert ends(other_role) == 200
    assert ends(lambda _client: User.objects.filter(pk=ops.pk).update(active_role=Role.ADMIN_AGENT)) == 200
    assert ends(lambda _client: User.objects.filter(pk=ops.pk).update(password="another")) == 302
    assert ends(lambda client: client.cookies.__setitem__("django_language", "pl")) == 200
    assert ends(lambda _client: User.objects.filter(pk=ops.pk).update(is_active=False)) == 302


def test_an_idle_page_is_made_anew_when_time_alone_changes_it(ops, clock):
    subscription = buy(at=NOON - 27 * DAY + timedelta(minutes=5))
    client = signed_in(ops)
    etag = f'"{client.get(QUEUE).context["etag"]}"'

    def answers(after: timedelta):
        clock.move_to(NOON + after)
        return htmx(client, "get", f"{QUEUE}live/", **{"If-None-Match": etag})

    assert answers(timedelta(minutes=4)).status_code == 304
    opened = answers(timedelta(minutes=5))
    assert (opened.status_code, items_of(subscription, NOON + timedelta(minutes=5))[1:]) == (
        200,
        [f"{subscription.pk}:activation_deadline"],
    )
    for nonsense in ('"x"', '"a.b.c"', f'"{etag.split(".")[0]}.1.nan"', ""):
        assert htmx(client, "get", f"{QUEUE}live/", **{"If-None-Match": nonsense}).status_code == 200


def test_home_shows_at_most_five_of_a_class_and_leads_to_all_of_them(ops):
    for _ in range(7):
        buy()
    hear(buy(), Answer(Outcome.SILENT))

    home, of_admin = signed_in(ops).get("/"), signed_in(person(Role.ADMIN_AGENT)).get("/")

    revenue = reverse("billing:revenue")
    assert [f'hx-get="{revenue}"' in page.content.decode() for page in (home, of_admin)] == [False, True]
    assert [(one["name"], one["count"], len(one["rows"]), one["url"]) for one in home.context["classes"]] == [
        ("action_required", "7", 5, f"{QUEUE}?inbox=action_required"),
        ("publisher_silent", "1", 1, f"{QUEUE}?inbox=publisher_silent"),
    ]


# Never lost, never stale


STEP = st.tuples(
    st.sampled_from(
        ["buy", "silent", "asks", "confirm", "link", "send", "revoke", "open", "more", "agree", "refuse", "let be",
         "ask", "decline", "suspend", "reinstate", "cancel", "differ", "same", "down"]
    ),
    st.integers(0, 2),
    st.sampled_from([timedelta(minutes=7), HOUR, DAY, 9 * DAY, 100 * DAY]),
)  # fmt: skip


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEP, max_size=12))
def test_after_any_history_what_is_open_is_what_its_rows_say(steps):
    """Whatever the services do in whatever order, the view holds what is found here once more, row by row."""
    at = NOON - 300 * DAY
    with transaction.atomic():
        for what, which, later in steps:
            at += later
            with suppress(HubError, IndexError), transaction.atomic():
                happen(what, which, at)
            found = list(open_items(at))
            assert {item.pk for item in found} == derived(at)
            assert found == sorted(
                found, key=lambda item: (urgency(item.deadline, item.weight, at), item.opened_at, item.pk)
            )
            assert_ranked(found, at)
            if which:
                keep_ranked(at=at)
                assert_ranked(found, at)
        transaction.set_rollback(True)


def assert_ranked(found: list[AttentionItem], at: datetime) -> None:
    """What is read of ranked items, and of those that were touched or moved since, is what the view says."""
    assert [one.item for one in most_urgent(SYSTEM, at, lambda items: items)] == [item.pk for item in found]
    assert count_by_cause(at) == {
        cause: (len(of_it), sum(item.band == 0 for item in of_it))
        for cause in {item.cause for item in found}
        if (of_it := [item for item in found if item.cause == cause])
    }
    assert next_change(at) == soonest(at, changes_ahead(at))


def test_ranked_items_are_read_by_their_place_until_they_are_touched_or_move():
    subscriptions = {buy().pk, buy(at=NOON - 26 * DAY).pk}

    def views_asked(at: datetime) -> int:
        with CaptureQueriesContext(connection) as captured:
            found = most_urgent(SYSTEM, at, lambda items: items)
        assert {one.subscription for one in found} == subscriptions
        assert_ranked(list(open_items(at)), at)
        return sum('FROM "subscriptions_attention"' in query["sql"] for query in captured)

    assert (keep_ranked(at=NOON), views_asked(NOON), keep_ranked(at=NOON)) == (-1, 1, 0)
    Subscription.objects.filter(pk=min(subscriptions)).update(unit_price=999)
    assert (views_asked(NOON), keep_ranked(at=NOON), views_asked(NOON)) == (2, 1, 1)
    moved = RankedItem.objects.filter(moves_at__isnull=False).earliest("moves_at").moves_at
    Ranking.objects.update(until=moved + HOUR)
    assert (views_asked(moved), keep_ranked(at=moved), views_asked(moved)) == (2, 1, 1)
    assert (views_asked(moved + HOUR), keep_ranked(at=moved + HOUR)) == (1, -1)


def test_whatever_an_item_is_made_of_touches_its_subscription():
    subscription = buy()
    message = Message.objects.create(
        key="k", recipient="a@example.com", language="en", subject="s", body=b"b", created_at=NOON, next_attempt_at=NOON
    )
    ends = NOON.date()
    notice = RenewalNotice(
        subscription=subscription, term_end=ends, days_before=30, reader="r", message=message, noticed_at=NOON
    )
    sent = {"sent_at": NOON, "body": b"", "next_attempt_at": None}
    for changes in (
        lambda: Subscription.objects.update(quantity=F("quantity")),
        lambda: Gate.objects.update(message="VAT?"),
        lambda: Plan.objects.filter(pk=subscription.plan_id).update(trial_days=30),
        lambda: mint_link(ADMIN, subscription.pk, at=NOON),
        notice.save,
        lambda: Message.objects.update(**sent),
        notice.delete,
    ):
        TouchedSubscription.objects.all().delete()
        changes()
        assert {one.subscription_id for one in TouchedSubscription.objects.all()} == {subscription.pk}


def test_a_change_of_a_policy_has_everything_ranked_anew():
    buy()
    keep_ranked(at=NOON)
    rule = Policy.objects.filter(name="warn_activation_within").get()

    rule.valid_to = NOON + HOUR
    rule.save()
    Policy.objects.create(name=rule.name, value="P40D", valid_from=NOON + HOUR)

    assert_ranked(list(open_items(NOON)), NOON)
    assert (keep_ranked(at=NOON), Ranking.objects.get().until) == (-1, NOON + HOUR)
    assert_ranked(list(open_items(NOON + HOUR)), NOON + HOUR)
    assert keep_ranked(at=NOON + HOUR) == -1


def happen(what: str, which: int, at: datetime) -> None:
    """One act of a history on the subscription bought as number `which`; what cannot be done now raises."""
    if what == "buy":
        buy(at=at, quantity=5)
        return
    one = Subscription.objects.order_by("purchased_at", "pk")[which]
    last = one.operations.order_by("-created_at").first()
    change = last.pk if last else uuid4()
    differs = {DivergenceKind.QUANTITY_DIFFERS: Values("5", "6") if what == "differ" else None}
    acts = {
        "silent": lambda: hear(one, Answer(Outcome.SILENT), at=at),
        "asks": lambda: hear(one, said(one, "PendingFulfillmentStart", message="VAT?"), at=at),
        "confirm": lambda: hear(one, said(one), at=at),
        "link": lambda: mint_link(ADMIN, one.pk, at=at),
        "send": lambda: send_to_customer(one, at),
        "revoke": lambda: revoke_page(ADMIN, one.pk, one.customer_pages.order_by("-made_at")[0].pk, at=at),
        "open": lambda: resolve_token(SYSTEM, token_in(mint_link(ADMIN, one.pk, at=at)), at=at),
        "more": lambda: change_quantity(ADMIN, one.pk, quantity=one.quantity + 1, version=None, at=at),
        "agree": lambda: accept(SYSTEM, change, how=Acceptance.PUBLISHER, at=at),
        "refuse": lambda: refuse(SYSTEM, change, why="no", at=at),
        "let be": lambda: let_change_be(ADMIN, one.pk, change, at=at),
        "ask": lambda: ask(SELLER, one.pk, Change(quantity=one.quantity + 2), reason="more", at=at),
        "decline": lambda: decline(ADMIN, one.change_requests.order_by("-requested_at")[0].pk, reason="no", at=at),
        "suspend": lambda: suspend(ADMIN, one.pk, reason="unpaid", version=None, at=at),
        "reinstate": lambda: reinstate(ADMIN, one.pk, reason="paid", version=None, at=at),
        "cancel": lambda: cancel(ADMIN, one.pk, reason="", version=None, at=at),
        "differ": lambda: note_divergences(SYSTEM, one, differs, {}, at=at),
        "same": lambda: note_divergences(SYSTEM, one, differs, {}, at=at),
        "down": lambda: report_all(SYSTEM, [Report(one.publisher_id, Outcome.SILENT)] * 5, at=at),
    }
    acts[what]()


def token_in(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


def derived(at: datetime) -> set[str]:
    """The ids of what is open, from the rows that are the causes."""
    found = {f"{each.pk}:publisher_down" for each in Publisher.objects.exclude(circuit=Circuit.CLOSED)}
    for one in Subscription.objects.all():
        pk, causes = str(one.pk), set()
        if one.status == Status.PENDING:
            gates = list(one.gates.order_by("position"))
            causes |= {blocker(gates).value} | pending_causes(one, gates, at)
        operations = list(one.operations.order_by("created_at"))
        for operation in operations:
            waits = operation.is_in_flight and operation.held_until is None and operation.action not in NOTICES
            if waits and operation.created_at + HOUR <= at:
                causes.add("change_waiting")
        last = operations[-1] if operations else None
        failed = last and last.status in ("failed", "conflict") and last.seen_at is None
        if failed and (one.status != Status.UNSUBSCRIBED or last.action == "unsubscribe"):
            causes.add("change_failed")
        causes |= {f"change_asked:{each.pk}" for each in one.change_requests.filter(status="open")}
        causes |= {f"drift:{each.kind}" for each in one.divergences.filter(ended_at=None)}
        if one.status == Status.SUSPENDED:
            causes.add("payment_suspended")
        if one.status == Status.SUBSCRIBED and one.auto_renew:
            ends = datetime.combine(one.term_end, time(), UTC)
            if ends - 7 * DAY <= at:
                causes.add(f"renewal_unannounced:{one.term_end}")
        found |= {f"{pk}:{cause}" for cause in causes}
    return found


def pending_causes(one: Subscription, gates: list[Gate], at: datetime) -> set[str]:
    causes, tokens = set(), list(one.purchase_tokens.order_by("minted_at"))
    setup = next(gate for gate in gates if gate.gate == "licenses_assigned")
    untouched = setup.state == "pending" and setup.reason in ("", "awaiting_customer_setup")
    works = any(page.revoked_at is None and at < page.expires_at for page in one.customer_pages.all())
    if (
        untouched
        and not works
        and tokens
        and tokens[-1].expires_at <= at
        and not any(token.resolved_at for token in tokens)
    ):
        causes.add("link_expired")
    if one.activate_by - 3 * DAY <= at:
        causes.add("activation_deadline")
    closes = one.purchased_at + policy_duration("cancel_within", one.plan, one.purchased_at, one.plan_term.term)
    if closes - DAY <= at < closes:
        causes.add("window_closing")
    return causes
