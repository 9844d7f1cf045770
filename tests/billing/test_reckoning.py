"""Random lives of a subscription: nothing is charged twice, credited beyond its charge or left after a full refund."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.enums import ChargeType
from billing.reckoning import Account, Basis, Change, Entry, change, charge_until, open_account, refund, renew
from subscriptions.terms import MONTHS, add_months

TERMS = {"P1M": [1], "P1Y": [1, 12], "P3Y": [1, 12, 36]}
PRICES = st.decimals("0.01", "500", places=4)
QUANTITIES = st.integers(1, 400)


class Life:
    """One subscription from its activation on; what is charged a day is followed line by line."""

    def __init__(self, start: date, term: str, months: int, price: Decimal, quantity: int, trial_days: int) -> None:
        self.term, self.start = term, start
        basis = Basis(uuid4(), uuid4(), price, months, True, quantity, "")
        dates = start, add_months(start, MONTHS[term])
        self.account, self.lines = open_account("EUR", uuid4(), basis, dates, trial_days)
        self.today = start

    def live(self, days: int) -> None:
        """Let days pass as ticks and renewals see them, maybe many at once."""
        self.today += timedelta(days=days)
        while self.today >= self.account.term_end:
            self.lines += charge_until(self.account, self.account.term_end - timedelta(days=1))
            end = self.account.term_end
            renew(
                self.account, uuid4(), replace(self.account.basis, added=()), (end, add_months(end, MONTHS[self.term]))
            )
        self.lines += charge_until(self.account, self.today)

    def change(self, kind: ChargeType, basis: Basis, asked: date) -> list[Entry]:
        wanted = Change(uuid4(), kind, basis, asked, self.today, ends_trial=kind == ChargeType.CONVERT)
        found = change(self.account, wanted)
        self.lines += found
        return found

    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))


@st.composite
def lives(draw: st.DrawFn) -> Life:
    term = draw(st.sampled_from(sorted(TERMS)))
    life = Life(
        draw(st.dates(date(2026, 1, 1), date(2029, 12, 31))),
        term,
        draw(st.sampled_from(TERMS[term])),
        draw(PRICES),
        draw(QUANTITIES),
        draw(st.sampled_from([0, 0, 14, 30, 60])),
    )
    asked = life.today
    for _ in range(draw(st.integers(0, 6))):
        life.live(draw(st.integers(0, 45)))
        asked = max(asked, life.today - timedelta(days=draw(st.integers(0, 2))))
        basis = life.account.basis
        match draw(st.sampled_from(["quantity", "plan", "frequency"])):
            case "quantity":
                quantity = draw(QUANTITIES)
                more = quantity > basis.quantity
                kind = ChargeType.ADD_QUANTITY if more else ChargeType.REMOVE_QUANTITY
                price = (uuid4(), draw(PRICES)) if draw(st.booleans()) else None
                life.change(kind, basis.resized(quantity, price), asked)
            case "plan":
                life.change(
                    ChargeType.CONVERT, replace(basis, unit_price=draw(PRICES), price_id=uuid4(), added=()), asked
                )
            case "frequency":
                months = draw(st.sampled_from(TERMS[term]))
                life.change(ChargeType.CHANGE_BILLING_PLAN, replace(basis, cycle_months=months, added=()), asked)
        asked = life.today
    return life


def licences_charged(lines: list[Entry]) -> dict[date, int]:
    """For how many licences each day is charged, credits taken off."""
    found: Counter[date] = Counter()
    for line in lines:
        day = line.period.start
        while day < line.period.end:
            found[day] += line.units if line.credits is None else -line.units
            day += timedelta(days=1)
    return {day: units for day, units in found.items() if units}


@settings(max_examples=100, deadline=None)
@given(lives())
def test_every_day_is_charged_once_as_far_as_anything_is_charged(life):
    charged = licences_charged(life.lines)

    days = (life.account.charged_through - life.start).days
    assert sorted(charged) == [life.start + timedelta(days=number) for number in range(days)]
    assert charged[max(charged)] == life.account.basis.quantity == sum(part.units for part in life.account.basis.parts)
    assert life.account.next_charge_on is None or life.account.next_charge_on > life.today


@settings(max_examples=100, deadline=None)
@given(lives())
def test_no_credit_exceeds_its_charge_and_a_full_refund_leaves_nothing(life):
    numbers = [line.number for line in life.lines]
    assert numbers == list(range(1, len(numbers) + 1))

    assert life.total() >= 0
    life.lines += refund(life.account, uuid4(), date.min)
    assert life.total() == 0
    left = {line.number: line.amount for line in life.lines if line.credits is None}
    for line in life.lines:
        if line.credits is not None:
            left[line.credits] += line.amount
    assert set(left.values()) <= {Decimal(0)}
    assert refund(life.account, uuid4(), date.min) == []


@settings(max_examples=100, deadline=None)
@given(lives())
def test_every_line_is_its_exact_share_rounded_once_toward_zero(life):
    for line in life.lines:
        exact = Fraction(line.unit_price) * line.units * line.period.billing_days / line.period.cycle_days
        assert 0 <= exact - Fraction(abs(line.amount)) < Fraction(1, 100)
        assert 1 <= line.period.billing_days <= line.period.cycle_days


@settings(max_examples=100, deadline=None)
@given(lives(), QUANTITIES, PRICES, st.integers(0, 5))
def test_a_late_answer_never_costs_more_than_one_at_once(life, quantity, price, days):
    asked = life.today
    at_once, late = (_branch(life.account) for _ in range(2))
    basis = life.account.basis.resized(quantity, (UUID(int=2), price))
    kind = ChargeType.ADD_QUANTITY if quantity > life.account.basis.quantity else ChargeType.REMOVE_QUANTITY
    now = _sum(change(at_once, Change(UUID(int=1), kind, basis, asked, asked)))
    within = min(asked + timedelta(days=days), life.account.charged_through - timedelta(days=1))
    later = _sum(change(late, Change(UUID(int=1), kind, basis, asked, max(asked, within))))

    assert later <= now


def _branch(account: Account) -> Account:
    return replace(account, lines=[replace(line) for line in account.lines])


def _sum(lines: list[Entry]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))
