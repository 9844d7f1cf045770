"""The published examples (section 2.8 of the Partner Center facts), each under the rounding that it follows."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from billing.periods import Period, months_of, trial_period, whole_period
from billing.proration import Rounding, share
from subscriptions.terms import add_months, cycle_end, term_end

LINE, UNIT = Rounding.LINE, Rounding.UNIT


@pytest.mark.parametrize(
    ("rounding", "unit_price", "units", "days", "cycle_days", "effective", "amount"),
    [
        (LINE, "10.08", 10, 30, 30, "10.0800", "100.80"),  # 18 June: bought
        (LINE, "10.08", 10, 28, 30, "9.4080", "94.08"),  # 20 June: two more
        (LINE, "10.08", 12, 28, 30, "9.4080", "112.89"),
        (LINE, "10.08", 8, 28, 30, "9.4080", "75.26"),  # 20 June: 12 to 8
        (UNIT, "10.08", 10, 29, 31, "9.4200", "94.20"),  # 17 July: cancelled
        (UNIT, "10.08", 300, 23, 30, "7.7200", "2316.00"),  # 25 June: another plan
        (UNIT, "6.43", 300, 23, 30, "4.9200", "1476.00"),
        (LINE, "12.00", 10, 29, 31, "11.2258", "112.25"),  # 7 March: 10 to 15
        (LINE, "12.00", 15, 29, 31, "11.2258", "168.38"),
        (LINE, "52.61", 25, 30, 30, "52.6100", "1315.25"),  # out of a trial
        (LINE, "120.96", 1, 365, 365, "120.9600", "120.96"),  # a year at once
    ],
)
def test_published_examples(rounding, unit_price, units, days, cycle_days, effective, amount):
    found = share(Decimal(unit_price), units, days, cycle_days, "EUR", rounding)

    assert (found.effective_unit_price, found.amount.amount) == (Decimal(effective), Decimal(amount))


def test_a_currency_without_hundredths_is_rounded_to_whole_ones():
    assert share(Decimal(1000), 3, 10, 31, "JPY").amount.amount == 967


def inclusive(anchor: date, months: int, count: int) -> list[str]:
    """The first periods of a year that starts on `anchor`, as people write them."""
    shown, day = [], anchor
    while len(shown) < count:
        period = whole_period(anchor, add_months(anchor, 12), months, day)
        shown.append(f"{period.start:%-d %b}-{period.end - timedelta(days=1):%-d %b}")
        day = period.end
    return shown


@pytest.mark.parametrize(
    ("anchor", "periods"),
    [
        (date(2027, 1, 31), ["31 Jan-27 Feb", "28 Feb-30 Mar", "31 Mar-29 Apr", "30 Apr-30 May"]),
        (date(2027, 1, 30), ["30 Jan-26 Feb", "27 Feb-29 Mar", "30 Mar-28 Apr"]),
        (date(2027, 1, 29), ["29 Jan-27 Feb", "28 Feb-28 Mar", "29 Mar-28 Apr"]),
        (date(2028, 1, 31), ["31 Jan-28 Feb", "29 Feb-30 Mar"]),
        (date(2027, 6, 18), ["18 Jun-17 Jul", "18 Jul-17 Aug"]),
        (date(2027, 4, 30), ["30 Apr-30 May", "31 May-29 Jun"]),
    ],
)
def test_a_year_paid_monthly_keeps_its_anchor(anchor, periods):
    assert inclusive(anchor, 1, len(periods)) == periods


@pytest.mark.parametrize(
    ("start", "last_day"),
    [
        (date(2027, 1, 31), date(2027, 2, 27)),
        (date(2027, 2, 28), date(2027, 3, 27)),
        (date(2027, 5, 31), date(2027, 6, 29)),
        (date(2027, 7, 31), date(2027, 8, 30)),
        (date(2027, 1, 30), date(2027, 2, 27)),
    ],
)
def test_a_month_is_one_period(start, last_day):
    end = term_end(start, "P1M")
    period = whole_period(start, end, 1, start)

    assert (period.end, period.billing_days) == (last_day + timedelta(days=1), period.cycle_days)
    assert cycle_end(start, end, "monthly", last_day) == end


def test_twelve_whole_months_make_a_year_wherever_it_starts():
    for anchor in (date(2027, 1, 1) + timedelta(days=day) for day in range(1461)):
        end = add_months(anchor, 12)
        periods = [whole_period(anchor, end, 1, anchor)]
        while periods[-1].end < end:
            periods.append(whole_period(anchor, end, 1, periods[-1].end))

        assert [period.start for period in periods] == [anchor, *(period.end for period in periods[:-1])]
        assert {period.billing_days == period.cycle_days for period in periods} == {True}
        assert (len(periods), periods[-1].end) == (12, end)


def test_cycle_days_are_those_of_the_month_in_which_the_cycle_starts():
    assert whole_period(date(2027, 6, 18), date(2028, 6, 18), 1, date(2027, 7, 1)).cycle_days == 30
    assert whole_period(date(2027, 1, 31), date(2028, 1, 31), 1, date(2027, 2, 5)).cycle_days == 31
    assert whole_period(date(2027, 6, 18), date(2028, 6, 18), 12, date(2028, 1, 1)).cycle_days == 366
    assert whole_period(date(2027, 6, 18), date(2030, 6, 18), 36, date(2028, 1, 1)).cycle_days == 1096


def test_billing_days_run_from_the_day_of_the_change_to_the_end_of_the_cycle():
    june = whole_period(date(2027, 6, 18), date(2027, 7, 18), 1, date(2027, 6, 18))

    assert june.since(date(2027, 6, 20)) == Period(date(2027, 6, 20), date(2027, 7, 18), 28, 30)
    assert june.since(date(2027, 6, 18)) == june.since(date(2027, 6, 1)) == june


def test_a_cycle_of_more_days_than_its_share_never_costs_more_than_the_whole():
    march = whole_period(date(2027, 2, 28), date(2028, 2, 28), 1, date(2027, 2, 28))

    assert march == Period(date(2027, 2, 28), date(2027, 3, 31), 28, 28)
    assert march.since(date(2027, 3, 1)).billing_days == 28
    assert march.since(date(2027, 3, 30)).billing_days == 1


def test_a_cycle_that_the_term_cuts_short_costs_its_days():
    assert whole_period(date(2027, 1, 31), date(2028, 1, 1), 12, date(2027, 1, 31)) == Period(
        date(2027, 1, 31), date(2028, 1, 1), 335, 365
    )


def test_a_trial_counts_its_own_days():
    assert trial_period(date(2027, 6, 18), 14) == Period(date(2027, 6, 18), date(2027, 7, 2), 14, 14)


def test_months_of_a_cycle():
    found = [months_of("P1Y", "monthly"), months_of("P3Y", "annual"), months_of("P3Y", "one_time")]
    assert found == [1, 12, 36]
    with pytest.raises(KeyError):
        months_of("P1Y", "weekly")
