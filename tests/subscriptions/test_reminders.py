"""The ladder: each rung once, whatever doubles or crashes; none once the purchase waits no more."""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client

from accounts.policy import SYSTEM, Role
from partnerhub.errors import NothingToRemind, NotPermitted, RemindedAlready
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import opened
from partnerhub.mail.sending import send_due
from partnerhub.outbox.models import Event, Refusal
from publishers.models import Policy
from subscriptions.enums import Rung
from subscriptions.models import PurchaseToken, Reminder
from subscriptions.reminders import Climb, climb, ladder, next_step
from subscriptions.services.ending import cancel
from subscriptions.services.links import resolve_token
from subscriptions.services.reminding import is_wanted, remind, remind_due, remind_now
from tests.factories.accounts import LONG_AGO, UserFactory, actor
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory, PublisherFactory
from tests.factories.subscriptions import NOON, buy, hear, said

DAY = timedelta(days=1)
C, A, P, M, O = Rung  # noqa: E741 - the five rungs in their order
DEFAULT = {C: 2 * DAY, A: 5 * DAY, P: 10 * DAY, M: 15 * DAY, O: 23 * DAY}


@pytest.mark.parametrize(
    ("days", "climbed", "expected", "upcoming"),
    [
        (1.999, (), None, C),
        (2, (), Climb((C,), ()), A),
        (2, (C,), None, A),
        (4.999, (), Climb((C,), ()), A),
        (5, (C,), Climb((A,), ()), P),
        (16, (C,), Climb((M,), (A, P)), O),
        (23, (C, A, P, M), Climb((O,), ()), None),
        (29, (), Climb((O,), (C, A, P, M)), None),
        (29, tuple(Rung), None, None),
    ],
)
def test_the_newest_rung_that_is_due_is_climbed_and_older_ones_are_left_out(days, climbed, expected, upcoming):
    steps, at = ladder(NOON, NOON + 30 * DAY, DEFAULT), NOON + days * DAY

    found = climb(steps, climbed, at)

    assert found == expected
    after = {*climbed, *(found.rungs if found else ())}
    assert (step.rung if (step := next_step(steps, after, at)) else None) == upcoming


def test_rungs_of_one_age_are_climbed_together_and_none_when_the_order_is_void():
    steps = ladder(NOON, NOON + 15 * DAY, DEFAULT | {A: 2 * DAY, P: DAY})

    assert [step.rung for step in steps] == [P, C, A]
    assert climb(steps, (), NOON + 3 * DAY) == Climb((C, A), (P,))


@pytest.fixture
def anna(db):
    return UserFactory(name="Anna", email="anna@hub.example", active_role=Role.ADMIN_AGENT)


@pytest.fixture
def piotr(db):
    return UserFactory(name="Piotr", email="piotr@hub.example", active_role=Role.SALES_AGENT)


@pytest.fixture
def waiting(anna, piotr):
    """Bought by Piotr for a Polish customer from a publisher with an address."""
    customer = CustomerFactory(language="pl", name="Żółta Łódź", beneficiary_email="it@lodz.example")
    publisher = PublisherFactory(name="Northwind", contact_email="ops@northwind.example")
    term = PlanTermFactory(plan__offer__publisher=publisher, plan__offer__title="eSign\nBcc: x@y.example")
    return buy(by=piotr.actor(), customer=customer, term=term)


def tick(days: float) -> int:
    return remind_due(SYSTEM, at=NOON + days * DAY)


def climbed(subscription) -> list[tuple[str, int]]:
    return list(subscription.reminders.order_by("pk").values_list("rung", "recipients"))


def mailed() -> list[tuple[str, str]]:
    return sorted((message.key.split(":")[2], message.recipient) for message in Message.objects.all())


def reminded(subscription) -> list[dict]:
    told = Event.objects.filter(stream_id=subscription.pk, name="subscription.reminded").order_by("sequence")
    return [event.data for event in told]


def link_in(message: Message) -> str:
    text, _html = opened(bytes(message.body))
    return re.search(r"https://publisher\.example/\S+", text)[0]


@pytest.mark.django_db
class TestLadder:
    def test_each_rung_reaches_its_people_once(self, waiting):
        assert [tick(days) for days in (1.99, 2, 2, 5, 5.1, 10, 15, 15, 23, 29.99, 30)] == [
            0,
            1,
            0,
            1,
            0,
            1,
            1,
            0,
            1,
            0,
            0,
        ]

        assert climbed(waiting) == [(C, 1), (A, 1), (P, 1), (M, 1), (O, 2)]
        assert mailed() == [
            ("admin", "anna@hub.example"),
            ("agent", "piotr@hub.example"),
            ("cancel_offer", "anna@hub.example"),
            ("cancel_offer", "piotr@hub.example"),
            ("customer", "it@lodz.example"),
            ("publisher", "ops@northwind.example"),
        ]
        first, *_others, last = reminded(waiting)
        assert first == {
            "rung": "customer",
            "recipients": 1,
            "until": (NOON + 3 * DAY).isoformat(),
            "next": {"rung": "agent", "at": (NOON + 5 * DAY).isoformat()},
        }
        assert last == {"rung": "cancel_offer", "recipients": 2}

    def test_the_customers_mail_carries_a_fresh_link_in_the_customers_language(self, waiting):
        tick(2)

        [message] = Message.objects.all()
        text, page = opened(bytes(message.body))
        assert (message.language, message.reply_to, message.expires_at) == ("pl", "piotr@hub.example", NOON + 3 * DAY)
        assert message.subject == "eSign Bcc: x@y.example: prosimy dokończyć konfigurację"
        assert "Działa do 26.11.2026, 12:00 UTC" in text
        assert '<html lang="pl">' in page
        token = link_in(message).partition("token=")[2]
        assert resolve_token(waiting.publisher.client.actor(), token, at=NOON + 2 * DAY).pk == waiting.pk
        assert token not in str(reminded(waiting))

    def test_the_publisher_hears_nothing_of_the_customer(self, waiting):
        tick(10)

        text, _page = opened(bytes(Message.objects.get().body))
        assert waiting.order_line.order.number in text
        assert [word for word in ("Łódź", "lodz.example", "Mustermann", "token=") if word in text] == []

    def test_only_who_may_cancel_is_led_to_the_dialog(self, waiting):
        tick(23)

        texts = {message.recipient: opened(bytes(message.body))[0] for message in Message.objects.all()}
        page = f"/subscriptions/{waiting.pk}/"
        assert f"{page}cancel/" in texts["anna@hub.example"]
        assert f"{page}cancel/" not in texts["piotr@hub.example"]
        assert page in texts["piotr@hub.example"]

    def test_what_was_overslept_is_kept_and_only_the_newest_is_sent(self, waiting):
        assert [tick(16), tick(16)] == [1, 0]

        assert climbed(waiting) == [(C, 0), (A, 0), (P, 0), (M, 1)]
        assert mailed() == [("admin", "anna@hub.example")]
        assert reminded(waiting)[0]["overslept"] == ["customer", "agent", "publisher"]

    def test_without_an_address_the_rung_says_so(self, anna):
        bought = buy(by=actor(Role.SALES_AGENT))
        for days in (2, 5, 10):
            tick(days)

        # Whoever bought it is a program, or works here no more: then the admin agents are told.
        assert mailed() == [("agent", "anna@hub.example"), ("customer", "max@customer.example")]
        assert climbed(bought) == [(C, 1), (A, 1), (P, 0)]
        assert reminded(bought)[-1]["why"] == "no_address"

    def test_neither_customer_nor_publisher_is_asked_about_a_refused_order(self, waiting):
        hear(waiting, said(waiting, "Unsubscribed"))
        for days in (2, 5, 10):
            tick(days)

        assert climbed(waiting) == [(C, 0), (A, 1), (P, 0)]
        assert [data.get("why") for data in reminded(waiting)] == ["refused", None, "refused"]

    @pytest.mark.parametrize("end", ["activated", "cancelled"])
    def test_nobody_is_reminded_of_what_waits_no_more(self, waiting, admin_agent, end):
        tick(2)
        key = Message.objects.get().key
        assert is_wanted(key)
        if end == "activated":
            hear(waiting, said(waiting), at=NOON + 3 * DAY)
        else:
            cancel(admin_agent, waiting.pk, reason="", version=None, at=NOON + 3 * DAY, hold=False)

        assert [tick(5), len(remind(SYSTEM, waiting.pk, at=NOON + 5 * DAY))] == [0, 0]
        assert climbed(waiting) == [(C, 1)]
        assert not is_wanted(key)

    def test_ages_are_policies(self, waiting):
        other = buy(by=actor(Role.SALES_AGENT))
        Policy.objects.create(
            name="remind_customer_after", value="PT1H", publisher=waiting.publisher, valid_from=LONG_AGO
        )

        assert [tick(1 / 24), tick(1 / 24)] == [1, 0]
        assert (climbed(waiting), climbed(other)) == ([(C, 1)], [])

    def test_many_that_wait_cost_as_many_queries_as_one(self, waiting, django_assert_num_queries):
        term = waiting.plan_term
        for _ in range(3):
            buy(by=actor(Role.SALES_AGENT), term=term, at=NOON - DAY)
        tick(2)

        with django_assert_num_queries(3):
            assert tick(2) == 0


@pytest.mark.django_db
class TestByHand:
    def test_once_in_24_hours_and_the_ladder_lets_the_customer_rest(self, waiting, ops_agent):
        at = NOON + 1.5 * DAY
        remind_now(ops_agent, waiting.pk, at=at)
        with pytest.raises(RemindedAlready):
            remind_now(ops_agent, waiting.pk, at=at + DAY - timedelta(seconds=1))
        assert tick(2) == 1
        remind_now(ops_agent, waiting.pk, at=at + DAY)

        assert mailed() == [("by_hand", "it@lodz.example")] * 2
        assert climbed(waiting) == [(C, 0)]
        assert [data.get("why") for data in reminded(waiting)] == [None, "by_hand", None]

    @pytest.mark.parametrize("why", ["refused", "active", "overdue"])
    def test_where_the_customer_can_do_nothing_it_is_refused(self, waiting, ops_agent, why):
        at = NOON + (30 * DAY if why == "overdue" else DAY)
        if why != "overdue":
            hear(waiting, said(waiting, "Unsubscribed" if why == "refused" else "Subscribed"))
        tokens, events = PurchaseToken.objects.count(), Event.objects.count()

        with pytest.raises(NothingToRemind):
            remind_now(ops_agent, waiting.pk, at=at)

        assert (PurchaseToken.objects.count(), Event.objects.count(), mailed()) == (tokens, events, [])

    @pytest.mark.parametrize("role", [Role.PLATFORM_ADMIN, Role.PUBLISHER])
    def test_others_may_not(self, waiting, role):
        with pytest.raises(NotPermitted):
            remind_now(actor(role), waiting.pk, at=NOON)
        assert mailed() == []


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.mark.django_db
def test_the_page_tells_the_ladder_and_reminds(waiting, piotr, anna):
    client, address = Client(), f"/subscriptions/{waiting.pk}/"
    with time_machine.travel(NOON + 7 * DAY, tick=False):
        client.force_login(piotr)
        tick(2)
        tick(5)
        before = text_of(client.get(address))
        answers = [client.post(f"{address}remind/", HTTP_HX_REQUEST="true").headers["HX-Trigger"] for _ in range(2)]
        after = client.get(address)
    with time_machine.travel(NOON + 24 * DAY, tick=False):
        client.force_login(anna)
        offered = client.get(address).content.decode()

    assert "Nobody has opened the link yet." in before
    assert (
        "Customer: being sent 5 days ago Agent who bought it: being sent 2 days ago Publisher: next in 3 days "
        "Admin agents in 8 days Offer to cancel free of charge in 16 days Remind the customer now"
    ) in before
    assert "Reminded 1 agent by e-mail. Next: Publisher, 3 Dec 2026, 12:00 UTC." in before
    assert ["is being reminded" in answers[0], "was reminded on 30 Nov 2026, 12:00 UTC" in answers[1]] == [True, True]
    assert Refusal.objects.get().code == "reminded_already"
    assert 'data-code="reminded_already"' in after.content.decode()
    assert "Cancel free of charge until 23 Dec 2026, 12:00 UTC" in offered
    assert f'href="{address}cancel/"' in offered


@pytest.mark.django_db(transaction=True)
def test_two_at_once_remind_once_and_the_mail_leaves_once(waiting):
    def run(_number: int) -> int:
        try:
            sent = tick(2)
            send_due(lambda: NOON + 2 * DAY)
            return sent
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 1

    assert Reminder.objects.count() == 1
    assert [message.to for message in mail.outbox] == [["it@lodz.example"]]
    assert bytes(Message.objects.get().body) == b""
