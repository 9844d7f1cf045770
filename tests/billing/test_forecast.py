"""What is foreseen is what the ticks write when the clock gets there, line by line and day by day."""

import csv
import html
import io
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from accounts.policy import SYSTEM, Role
from billing.forecast import Assumed, Line, Scenario, Sums, Turn, months_from
from billing.forecasting import foresee, foreseeable, next_invoices
from billing.insight import licences_moved, monthly_revenue, months_until
from billing.invoicing import draft_month
from billing.models import Charge, Invoice
from billing.periods import Month
from billing.services.charging import charge_cycles
from billing.views.forecast import asked_in
from partnerhub.outbox.delivery import deliver_due
from partnerhub.web.charts import Column, stacked
from publishers.models import Policy, Price
from subscriptions.models import Operation, Subscription
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.lapsing import end_suspensions, end_trials
from subscriptions.services.renewal import renew_due
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.suspension import suspend
from tests.factories.accounts import LONG_AGO, UserFactory, actor
from tests.factories.billing import ADMIN, to_quantity
from tests.factories.customers import CustomerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active

pytestmark = pytest.mark.django_db

JAN_31 = datetime(2026, 1, 31, 12, tzinfo=UTC)
AS_IS, UNSCHEDULED = Assumed(), Assumed(Scenario.UNSCHEDULED)
UNTIL = date(2027, 3, 1)
# What a line is, but for its number and what caused it.
_SAID = ("charge_type", "period_start", "period_end", "quantity", "price_id", "unit_price", "amount")


def bought(at: datetime = JAN_31, quantity: int = 10, **plan_term) -> Subscription:
    return active(at, term=PlanTermFactory(**plan_term), quantity=quantity)


def dearer(subscription: Subscription, amount: str, since: str) -> None:
    """Another price from a day on."""
    moment = datetime.fromisoformat(f"{since}T00:00:00+00:00")
    Price.objects.filter(plan_term=subscription.plan_term).update(valid_to=moment)
    Price.objects.create(plan_term=subscription.plan_term, currency="EUR", amount=Decimal(amount), valid_from=moment)


def without_auto_renew(subscription: Subscription) -> Subscription:
    set_auto_renew(ADMIN, subscription.pk, auto_renew=False, version=None, at=JAN_31, hold=False)
    return subscription


def suspended(subscription: Subscription, at: datetime) -> None:
    suspend(ADMIN, subscription.pk, reason="Not paid", version=None, at=at)


def everything_at_once() -> None:
    """One of each course that a subscription can take by itself."""
    bought()
    bought(term="P1Y", billing_cycle="annual")
    bought(term="P3Y", billing_cycle="annual")
    without_auto_renew(bought(term="P1Y"))
    without_auto_renew(bought())
    bought(term="P1Y", billing_cycle="one_time", plan__trial_days=14)
    bought(plan__trial_days=45)
    without_auto_renew(bought(term="P1Y", plan__trial_days=14))
    suspended(bought(term="P1Y"), JAN_31 + timedelta(days=10))
    suspended(bought(term="P1Y"), datetime(2026, 2, 10, tzinfo=UTC))
    scheduled = bought(term="P1Y", billing_cycle="annual")
    other = PlanTermFactory(plan=scheduled.plan, term="P1M", billing_cycle="one_time", amounts={"EUR": "15.55"})
    schedule_renewal(ADMIN, scheduled.pk, quantity=3, plan_term_id=other.pk, version=None, at=JAN_31)
    for keeps in (False, True):
        priced = bought(term="P1Y", billing_cycle="annual")
        dearer(priced, "11.11", "2026-06-01")
        if keeps:
            Policy.objects.create(name="renewal_price", value="kept", plan=priced.plan, valid_from=LONG_AGO)
    rounded = bought(plan__trial_days=5, quantity=7, amounts={"EUR": "9.99"})
    Policy.objects.create(name="rounding", value="unit", plan=rounded.plan, valid_from=datetime(2026, 4, 1, tzinfo=UTC))
    to_quantity(bought(term="P1Y"), 12, JAN_31 + timedelta(days=3))


def foreseen(at: datetime, assumed: Assumed = AS_IS, until: date = UNTIL) -> tuple[list[Line], list[Turn]]:
    found = list(foresee(foreseeable(Subscription.objects.order_by("pk")), assumed, at=at, until=until))
    return [line for one in found for line in one.lines], [turn for one in found for turn in one.turns]


def told(line: Line) -> tuple[object, ...]:
    entry = line.entry
    said = (entry.period.start, entry.period.end, entry.units, entry.price_id, entry.unit_price, entry.amount)
    return (line.subscription_id, line.day, str(entry.charge_type), *said)


def written(since: datetime) -> list[tuple[object, ...]]:
    charges = Charge.objects.filter(recorded_at__gt=since)
    return [
        (charge.subscription_id, charge.recorded_at.date(), *(getattr(charge, name) for name in _SAID))
        for charge in charges
    ]


def tick(at: datetime) -> None:
    """All that the scheduler does in a moment; publishers agree at once."""
    end_trials(SYSTEM, at=at)
    renew_due(SYSTEM, at=at)
    Operation.objects.filter(completed_at=None).update(status="succeeded", completed_at=at)
    deliver_due(at)
    end_suspensions(SYSTEM, at=at)
    deliver_due(at)
    charge_cycles(SYSTEM, at=at)


def test_what_is_foreseen_is_what_the_ticks_write():
    everything_at_once()
    at, later = JAN_31 + timedelta(days=11), datetime(2026, 8, 3, 12, tzinfo=UTC)
    tick(at)
    lines, turns = foreseen(at)
    again: list[Line] = []

    for day in sorted({line.day for line in lines} | {turn.day for turn in turns}):
        if day > later.date() and not again:
            again, _turns = foreseen(later)
        tick(datetime.combine(day, time(12, 30), UTC))

    assert sorted(map(told, lines), key=str) == sorted(written(at), key=str)
    assert sorted(map(told, again), key=str) == sorted((told(one) for one in lines if one.day > later.date()), key=str)
    assert len(lines) > 60
    # A day that ends something is exclusive: what is suspended at noon goes at noon, and that day is still owed.
    ends = {turn.subscription_id: turn.day for turn in turns if not turn.renews}
    gone = {one.pk: one.ended_at.date() for one in Subscription.objects.exclude(ended_at=None)}
    assert ends.keys() == gone.keys()
    assert {(ends[pk] - gone[pk]).days for pk in ends} == {0, 1}


def test_the_scenarios_differ_by_what_they_assume():
    at = JAN_31 + timedelta(days=1)
    plain, kept, scheduled = bought(), bought(), bought()
    Policy.objects.create(name="renewal_price", value="kept", plan=kept.plan, valid_from=LONG_AGO)
    schedule_renewal(ADMIN, scheduled.pk, quantity=3, version=None, at=JAN_31)

    def amounts(assumed: Assumed) -> dict[object, list[str]]:
        lines, _turns = foreseen(at, assumed, date(2026, 4, 30))
        return {
            one.pk: [f"{line.entry.amount:.2f}" for line in lines if line.subscription_id == one.pk]
            for one in (plain, kept, scheduled)
        }

    assert amounts(AS_IS) == {plain.pk: ["100.80"] * 2, kept.pk: ["100.80"] * 2, scheduled.pk: ["30.24"] * 2}
    assert amounts(UNSCHEDULED) == {plain.pk: ["100.80"] * 2, kept.pk: ["100.80"] * 2, scheduled.pk: ["100.80"] * 2}
    # 10.08 and 5 % are 10.584; once, however many terms follow.
    rises = Assumed(Scenario.RISE, Decimal(5))
    assert amounts(rises) == {plain.pk: ["105.80"] * 2, kept.pk: ["100.80"] * 2, scheduled.pk: ["31.74"] * 2}
    assert Price.objects.exclude(amount="10.08").count() == 0


def test_sums_keep_currencies_apart_and_name_every_month(django_assert_num_queries):
    at = JAN_31 + timedelta(days=1)
    bought(quantity=2)
    without_auto_renew(bought(quantity=1))
    buy_in_zloty = {"term": PlanTermFactory(amounts={"PLN": "40.00"})}
    active(JAN_31, customer=CustomerFactory(country="PL", currency="PLN"), quantity=1, **buy_in_zloty)
    months = months_from(at.date(), 3)
    with django_assert_num_queries(5):
        lines, turns = foreseen(at, until=months[-1].end)
    sums = Sums.of(months)
    sums.add(lines)
    sums.add(turns)

    assert [(str(month), dict(one.amounts), one.renewals, one.ends) for month, one in sums.months.items()] == [
        ("2026-02", {"EUR": Decimal("20.16"), "PLN": Decimal("40.00")}, 2, 1),
        ("2026-03", {"EUR": Decimal("20.16"), "PLN": Decimal("40.00")}, 2, 0),
        ("2026-04", {"EUR": Decimal("20.16"), "PLN": Decimal("40.00")}, 2, 0),
    ]
    assert sums.currencies == ["EUR", "PLN"]


@pytest.mark.usefixtures("billing_data")
def test_the_next_invoice_is_what_the_run_drafts():
    customer = CustomerFactory(country="PL", currency="PLN")
    for term, quantity in (("P1M", 3), ("P1Y", 7)):
        active(JAN_31, customer=customer, term=PlanTermFactory(term=term, amounts={"PLN": "10.08"}), quantity=quantity)
    at = datetime(2026, 2, 10, 9, tzinfo=UTC)
    draft_month(SYSTEM, Month(date(2026, 1, 1)), at=at)
    (expected,) = next_invoices(customer, at=at)

    tick(datetime(2026, 2, 28, 12, tzinfo=UTC))
    draft_month(SYSTEM, Month(date(2026, 2, 1)), at=datetime(2026, 3, 7, tzinfo=UTC))
    drafted = Invoice.objects.get(period_start=date(2026, 2, 1))
    assert (expected.net.amount, expected.tax.amount, expected.gross.amount) == (
        drafted.net,
        drafted.tax,
        drafted.gross,
    )
    assert (expected.net.text, expected.tax.text, expected.to_come.text) == ("100.80", "23.17", "100.80")


def page(client: Client, address: str, *args: object, **params: str) -> str:
    answer = client.get(reverse(address, args=args), params)
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def signed_in(role: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=role))
    return client


def test_pages_and_file_tell_the_same(monkeypatch):
    subscription = bought()
    bought(quantity=1, amounts={"EUR": "40.00"})
    monkeypatch.setattr("billing.views.forecast.now", lambda: JAN_31 + timedelta(days=1))
    client = signed_in(Role.SALES_AGENT)

    assert "2026-02 €140.80 2 0 0 2026-03 €140.80 2 0 0 2026-04 €140.80 2 0 0 Total €422.40" in page(
        client, "billing:forecast", months="3"
    )
    assert "2026-02 €105.80 1 0 0" in page(
        client, "billing:subscription_forecast", subscription.pk, scenario="rise", rise="5", months="3"
    )
    month = page(client, "billing:customer_forecast", subscription.customer_id, month="2026-03")
    assert "Terms that end in 2026-03" in month
    assert "31 Mar 2026 Renews" in month
    file = client.get(reverse("billing:forecast_file", args=["lines", "csv"]), {"months": "3"})
    rows = list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"))))
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("422.40")
    assert [row["day"] for row in rows if row["subscription_id"] == str(subscription.pk)] == [
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
    ]
    calendar = client.get(reverse("billing:forecast_file", args=["calendar", "csv"]), {"customer": "nobody"})
    assert len(calendar.getvalue().splitlines()) == 1
    assert client.get(reverse("billing:forecast_file", args=["else", "csv"])).status_code == 404


@pytest.mark.parametrize(
    "params",
    [
        {"scenario": "?", "months": "-1", "month": "2026-13", "publisher": "x"},
        {"scenario": "rise", "rise": "NaN"},
        {"scenario": "rise", "rise": "1e999999"},
        {"scenario": "rise", "rise": "-3", "month": "9999-12"},
    ],
)
def test_what_is_no_value_is_as_if_it_was_not_said(params):
    asked = asked_in(QueryDict(urlencode(params)), JAN_31)

    assert (asked.assumed.rise, len(asked.months), str(asked.shown)) == (Decimal(5), 12, "2026-01")
    assert "0 subscriptions are in it." in page(signed_in(Role.OPS_AGENT), "billing:forecast", **params)


def test_key_figures_of_the_past_months(monkeypatch):
    grown = bought(term="P1Y", billing_cycle="annual", quantity=10, amounts={"EUR": "120.00"})
    to_quantity(grown, 12, JAN_31 + timedelta(days=3))
    ended = without_auto_renew(bought(quantity=2))
    tick(datetime(2026, 2, 28, 12, tzinfo=UTC))
    bought(datetime(2026, 3, 2, tzinfo=UTC), quantity=1, plan__trial_days=14)
    admin = actor(Role.ADMIN_AGENT)
    months = months_until(date(2026, 3, 5), 3)

    (revenue,) = monthly_revenue(admin, [date(2026, 1, 31), date(2026, 2, 27), date(2026, 3, 5)])
    assert revenue.currency == "EUR"
    assert [value.quantize(Decimal("0.01")) for value in revenue.totals()] == [
        Decimal("120.16"),
        Decimal("140.16"),
        Decimal("120.00"),
    ]
    assert [(str(month), one.added, one.gone) for month, one in licences_moved(admin, months).items()] == [
        ("2026-01", 12, 0),
        ("2026-02", 2, 2),
        ("2026-03", 1, 0),
    ]
    monkeypatch.setattr("billing.views.insight.now", lambda: datetime(2026, 3, 5, tzinfo=UTC))
    told = page(signed_in(Role.SALES_AGENT), "billing:insight")
    assert "2026-03 €120.00 €0.00 €120.00 2026-02 €120.00 €0.00 €120.00" in told
    assert ended.publisher.name in told


def test_bars_stand_on_one_another_and_hang_below():
    chart = stacked([Column("a", "", [Decimal(30), Decimal(10)]), Column("b", "", [Decimal(0), Decimal(-10)])])

    assert [(bar.x, bar.y, bar.height, bar.series) for bar in chart.bars] == [
        (1, "20.00", "60.00", 0),
        (1, "0.00", "20.00", 1),
        (11, "80.00", "20.00", 1),
    ]
    assert (chart.zero, chart.width, stacked([]).bars) == ("80.00", 20, [])


def test_one_subscription_that_nothing_can_be_told_of_leaves_the_others():
    told, untold = bought(), bought()
    Policy.objects.filter(name="renewal_price").update(plan=told.plan)
    client = Client()
    client.force_login(UserFactory(active_role=Role.ADMIN_AGENT))
    page = client.get("/billing/forecast/").content.decode()
    file = b"".join(client.get("/billing/forecast/calendar.csv").streaming_content).decode()

    found = {one.subscription.pk: one for one in foresee(Subscription.objects.all(), AS_IS, at=JAN_31, until=UNTIL)}
    why = "no policy renewal_price at 2026-02-28"
    assert (bool(found[told.pk].turns), found[told.pk].why) == (True, "")
    assert (found[untold.pk].lines, found[untold.pk].turns, found[untold.pk].why) == ([], [], why)
    told = "The policy renewal_price has no value on 28 Feb 2026."
    assert (page.count(told), file.count(told)) == (1, 1)
    Policy.objects.filter(name="renewal_price").update(plan=None)
