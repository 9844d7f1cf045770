"""Notices of a renewal: each day's once, whatever doubles; with proof; and the alarm until one was delivered."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

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
from partnerhub.outbox.models import Event
from subscriptions.attending import open_items
from subscriptions.models import RenewalNotice, Subscription
from subscriptions.renewal_days import days_of, due_on, is_told, next_on, that_fit
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.renewal_notices import is_wanted, send_due_notices, send_notice
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.terms import midnight
from tests.factories.accounts import UserFactory, actor
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active

DAY = timedelta(days=1)
DAYS = days_of("90 60 30 7 1")
START, END = date(2026, 11, 23), date(2027, 11, 23)


@pytest.mark.parametrize(
    ("left", "told", "due", "is_written", "upcoming"),
    [
        (91, (), None, None, 90),
        (90, (), 90, False, 60),
        (61, (90,), 90, True, 60),
        (45, (90,), 60, False, 30),
        (45, (90, 45), 60, True, 30),
        (30, (90, 60, 45), 30, False, 7),
        (1, (90, 60, 30, 7), 1, False, None),
        (0, (), None, None, None),
    ],
)
def test_the_newest_notice_is_due_and_older_ones_are_left_out(left, told, due, is_written, upcoming):
    today = END - left * DAY

    assert due_on(DAYS, END, today) == due
    assert (None if due is None else is_told(DAYS, due, told)) == is_written
    assert next_on(DAYS, END, today) == (END - upcoming * DAY if upcoming else None)


@pytest.mark.parametrize(
    ("end", "fitting"), [(END, [90, 60, 30, 7, 1]), (date(2026, 12, 23), [7, 1]), (date(2027, 1, 22), [30, 7, 1])]
)
def test_no_notice_comes_in_the_first_half_of_a_term(end, fitting):
    assert that_fit(DAYS, START, end) == fitting


@pytest.fixture
def customer(db):
    return CustomerFactory(language="pl", name="Żółta Łódź", beneficiary_email="it@lodz.example")


@pytest.fixture
def piotr(db):
    return UserFactory(name="Piotr", email="piotr@hub.example", active_role=Role.SALES_AGENT)


@pytest.fixture
def yearly(customer, piotr) -> Subscription:
    return active(by=piotr.actor(), customer=customer, term=PlanTermFactory(term="P1Y"))


def tick(subscription: Subscription, left: float) -> int:
    return send_due_notices(SYSTEM, at=midnight(subscription.term_end) - left * DAY)


def notices() -> list[tuple[int, str, str]]:
    return list(RenewalNotice.objects.order_by("noticed_at").values_list("days_before", "reader", "why"))


def leave(**outcome) -> None:
    """What sending makes of the mails that wait."""
    Message.objects.filter(sent_at=None, failed_at=None).update(body=b"", next_attempt_at=None, **outcome)


def causes(at) -> list[str]:
    return sorted(open_items(at).values_list("cause", flat=True))


@pytest.mark.django_db
class TestNotices:
    def test_each_day_is_told_once_and_those_overslept_are_left_out(self, yearly):
        assert [tick(yearly, left) for left in (90.01, 90, 90, 89, 30, 29, 7, 0.5, 0)] == [0, 1, 0, 0, 1, 0, 1, 1, 0]

        assert notices() == [(90, "customer", ""), (30, "customer", ""), (7, "customer", ""), (1, "customer", "")]
        told = Event.objects.filter(stream_id=yearly.pk, name="subscription.renewal_announced").order_by("sequence")
        assert told[1].data == {"term_end": "2027-11-23", "days_before": 30, "recipients": 1}

    def test_the_letter_says_what_the_next_term_begins_with_in_the_customers_language(self, yearly, admin_agent):
        schedule_renewal(admin_agent, yearly.pk, quantity=9, version=None, at=NOON + DAY)

        tick(yearly, 90)

        [message] = Message.objects.all()
        text, _page = opened(bytes(message.body))
        assert (message.language, message.recipient, message.reply_to) == ("pl", "it@lodz.example", "piotr@hub.example")
        assert message.expires_at == midnight(date(2027, 11, 23))
        assert message.subject == f"{yearly.offer.title}: odnowienie 23.11.2027"
        assert "9 licencji" in text
        assert "23.11.2027, 00:00 UTC" in text

    def test_a_month_is_told_of_in_its_second_half_only(self, customer):
        monthly = active(customer=customer, term=PlanTermFactory(term="P1M", billing_cycle="monthly"))

        assert [tick(monthly, left) for left in (29, 15, 8, 7, 1)] == [0, 0, 0, 1, 1]

    def test_what_does_not_renew_is_not_announced_and_a_notice_that_waits_is_given_up(self, yearly, admin_agent):
        tick(yearly, 90)
        at = midnight(yearly.term_end) - 60 * DAY
        set_auto_renew(admin_agent, yearly.pk, auto_renew=False, version=None, hold=False, at=at)

        assert tick(yearly, 30) == 0
        assert is_wanted(Message.objects.get().key) is False

    def test_the_alarm_closes_when_the_notice_is_sent_and_not_before(self, yearly):
        at = midnight(yearly.term_end) - 5 * DAY
        before = causes(at)
        tick(yearly, 5)
        waiting = causes(at)
        leave(sent_at=at)

        assert (before, waiting, causes(at)) == (["renewal_unannounced"], ["renewal_unannounced"], [])

    def test_nobody_to_write_to_is_kept_and_the_alarm_stays(self, yearly, customer):
        customer.beneficiary_email = ""
        customer.save(update_fields=["beneficiary_email"])
        at = midnight(yearly.term_end) - 5 * DAY

        assert [tick(yearly, 5), tick(yearly, 4)] == [1, 0]

        assert (notices(), Message.objects.count()) == ([(7, "", "no_address")], 0)
        assert causes(at) == ["renewal_unannounced"]


@pytest.mark.django_db
class TestByHand:
    def test_it_is_told_once_a_day_and_counts_for_the_day_that_is_due(self, yearly, sales_agent):
        at = midnight(yearly.term_end) - 45 * DAY
        assert send_notice(sales_agent, yearly.pk, at=at).days_before == 45
        with pytest.raises(RemindedAlready):
            send_notice(sales_agent, yearly.pk, at=at + DAY / 2)

        assert [tick(yearly, 45), tick(yearly, 30)] == [0, 1]
        assert [days for days, _reader, _why in notices()] == [45, 30]

    def test_a_notice_that_could_not_be_delivered_is_sent_once_more_at_once(self, yearly, sales_agent):
        at = midnight(yearly.term_end) - 7 * DAY
        tick(yearly, 7)
        leave(failed_at=at)

        send_notice(sales_agent, yearly.pk, at=at + DAY / 100)
        leave(sent_at=at)

        assert notices() == [(7, "customer", "")]
        assert causes(at + DAY / 100) == []

    def test_what_does_not_renew_and_who_may_not_are_refused(self, yearly, admin_agent):
        with pytest.raises(NotPermitted):
            send_notice(actor(Role.PLATFORM_ADMIN), yearly.pk, at=NOON + DAY)
        set_auto_renew(admin_agent, yearly.pk, auto_renew=False, version=None, hold=False, at=NOON + DAY)
        with pytest.raises(NothingToRemind):
            send_notice(admin_agent, yearly.pk, at=NOON + 2 * DAY)

        assert (notices(), Message.objects.count()) == ([], 0)

    def test_the_page_tells_and_sends(self, yearly, piotr):
        client, address = Client(), f"/subscriptions/{yearly.pk}/"
        with time_machine.travel(midnight(yearly.term_end) - 45 * DAY, tick=False):
            client.force_login(piotr)
            before = client.get(address).content.decode()
            answers = [
                client.post(f"{address}renewal-notice/", HTTP_HX_REQUEST="true").headers["HX-Trigger"] for _ in "12"
            ]
            after = client.get(address).content.decode()

        assert "The customer has not been told yet that it renews on" in before
        assert ["is being told" in answers[0], "was reminded on" in answers[1]] == [True, True]
        assert "45 days before: being sent" in after


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_each_notice_once(yearly):
    def run(_number: int) -> int:
        try:
            return tick(yearly, 30) and send_due(lambda: midnight(yearly.term_end) - 30 * DAY)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 1

    assert notices() == [(30, "customer", "")]
    assert causes(midnight(yearly.term_end) - 5 * DAY) == []
    assert [message.to for message in mail.outbox] == [["it@lodz.example"]]
