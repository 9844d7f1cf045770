from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.template import Context, Template
from django.utils.translation import override

from partnerhub.money import Money
from partnerhub.web.templatetags import hub

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "amount", "currency", "text"),
    [
        ("en", "1234.5", "EUR", "€1,234.50"),
        ("en", "-42.10", "USD", "\u2212$42.10"),
        ("en", "1234.5", "PLN", "PLN\u00a01,234.50"),
        ("en", "1234", "JPY", "JPY\u00a01,234"),
        ("pl", "1234.56", "PLN", "1\u00a0234,56\u00a0zł"),
        ("pl", "-42.1", "EUR", "\u221242,10\u00a0€"),
    ],
)
def test_money_is_written_as_its_reader_writes_it(language, amount, currency, text):
    with override(language):
        assert hub.money_text(Decimal(amount), currency) == text


def test_money_takes_a_money_a_number_or_nothing():
    assert hub.money(Money(Decimal("10.08"), "EUR")) == '<span class="money">€10.08</span>'
    assert hub.money("10.08", "EUR") == '<span class="money">€10.08</span>'
    assert hub.money(None, "EUR") == ""


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=59), "in 59 minutes"),
        (timedelta(hours=47), "in 47 hours"),
        (timedelta(days=3, hours=1), "in 3 days"),
        (-timedelta(minutes=5), "5 minutes ago"),
        (-timedelta(hours=2), "2 hours ago"),
        (-timedelta(days=2), "2 days ago"),
    ],
)
def test_distance_is_said_in_the_largest_unit_that_still_counts(away, words):
    assert hub.distance(away) == words


@time_machine.travel(NOON, tick=False)
def test_a_deadline_keeps_its_absolute_moment():
    assert hub.deadline(NOON + timedelta(days=3)) == (
        '<time tabindex="0" data-when="deadline" class="" datetime="2026-11-25T12:00:00+00:00" '
        'title="25 Nov 2026, 12:00 UTC" data-absolute="25 Nov 2026, 12:00 UTC">in 3 days</time>'
    )


@time_machine.travel(NOON, tick=False)
def test_a_missed_deadline_says_so_in_words():
    shown = hub.deadline(NOON - timedelta(hours=2))

    assert 'class="overdue"' in shown
    assert ">overdue, 2 hours ago<" in shown


@time_machine.travel(NOON, tick=False)
def test_a_far_deadline_is_a_date():
    assert hub.deadline(NOON + timedelta(days=61)) == '<time datetime="2027-01-22">22 Jan 2027</time>'


def test_a_day_is_written_in_polish_order():
    with override("pl"):
        assert hub.day(date(2026, 11, 2)) == '<time datetime="2026-11-02">2.11.2026</time>'


def test_an_icon_is_hidden_unless_it_is_named():
    assert 'aria-hidden="true"' in hub.icon("check")
    assert 'role="img"' in hub.icon("check", label="Done")
    assert 'aria-label="Done"' in hub.icon("check", label="Done")


def test_home_is_only_itself():
    assert hub.under("/", "/") is True
    assert hub.under("/customers/7/", "/") is False
    assert hub.under("/customers/7/", "/customers/") is True


def test_an_unknown_role_is_shown_as_it_is():
    assert hub.role_name("sales_agent") == "Sales agent"
    assert hub.role_name("visitor") == "visitor"


@pytest.mark.parametrize(("language", "shown"), [("en", "“&lt;b&gt; {0}”"), ("pl", "„&lt;b&gt; {0}”")])
def test_what_somebody_said_stands_in_the_readers_quotation_marks(language, shown):
    with override(language):
        assert Template("{{ said|quoted }}").render(Context({"said": "<b> {0}"})) == shown
