"""What the coming ticks will write if nobody acts, told by the code that they run: it only reads, and keeps nothing.

The event that each term's end will be is made up and heard as billing hears the real one (`billing/hearing.py`), so
there is no second formula: what is foreseen for a day is what is charged when the clock gets there.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from django.db.models import Exists, Max, OuterRef, QuerySet

from billing.accounts import creditable, reckoned
from billing.drafting import draft, taxed_in
from billing.forecast import Assumed, Line, Scenario, Turn
from billing.hearing import CONSUMER, Shelf, heard
from billing.models import Account, Charge
from billing.periods import Month
from billing.reckoning import Account as Reckoned
from billing.reckoning import Entry, charge_until
from billing.tax import tax_on
from customers.models import Customer
from partnerhub.money import Money
from partnerhub.outbox.models import Delivery, Event
from publishers.models import PlanTerm, Price
from publishers.selectors import PolicyMissing, policy_book, scope_of
from subscriptions.enums import Status
from subscriptions.models import ScheduledRenewal, Subscription
from subscriptions.services.lapsing import SUSPENSION_LASTS, lapsed_on, lapses_at
from subscriptions.services.plans import values_of
from subscriptions.services.renewal import Shop, foreseen_term, move_on
from subscriptions.terms import midnight

AT_ONCE = 500
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is foreseen for one subscription: the lines and the ends of its terms, each in the order of its days.

    Nothing is where the data do not tell what comes: `why` says it, `missing` which policy it is, where it is one.
    """

    subscription: Subscription
    lines: list[Line]
    turns: list[Turn]
    why: str = ""
    missing: PolicyMissing | None = None


def foreseeable(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Those whose charges go on: activated, not ended, and nothing that happened is still to be heard by billing."""
    unheard = Delivery.objects.filter(stream_id=OuterRef("pk"), handler=CONSUMER, delivered_at=None)
    charged = subscriptions.filter(billing_account__is_open=True).exclude(status=Status.UNSUBSCRIBED)
    return charged.filter(~Exists(unheard))


def foresee(
    subscriptions: QuerySet[Subscription], assumed: Assumed, *, at: datetime, until: date
) -> Iterator[Foreseen]:
    """What the ticks will do from a moment on and before a day (UTC), for those that `foreseeable` leaves.

    Read in chunks, with the same number of queries for each; memory stays flat.
    """
    shelf, shop = Shelf(), _ReadShop(assumed)
    for chunk in _chunks(subscriptions):
        numbers = _last_numbers(chunk)
        shop.read(chunk)
        for subscription in chunk:
            for term in _terms(subscription):
                shelf.put(term)
            yield _foreseen(subscription, numbers[subscription.pk], shop, shelf, at, until)


def _foreseen(
    subscription: Subscription, last_number: int, shop: "_ReadShop", shelf: Shelf, at: datetime, until: date
) -> Foreseen:
    try:
        return _Course(subscription, last_number, shop, shelf, at, until).run()
    except (KeyError, IndexError):
        raise
    except LookupError as missing:
        lacking = missing if isinstance(missing, PolicyMissing) else None
        return Foreseen(subscription, [], [], str(missing), lacking)


@dataclass(slots=True)
class NextInvoice:
    """What the draft of the running month will hold in one currency if nobody acts: what is unbilled by now and what
    is charged until the month is over (`to_come`, before tax).
    """

    net: Money
    tax: Money
    to_come: Money

    @property
    def gross(self) -> Money:
        return self.net + self.tax


def next_invoices(customer: Customer, *, at: datetime) -> list[NextInvoice]:
    """A customer's next invoices, by currency; none where of one of its subscriptions nothing can be foreseen.

    Raises SellerIncomplete, TaxRateMissing, as drafting does.
    """
    month = Month.of(at.astimezone(UTC).date())
    taxed = taxed_in(customer, month)
    found: dict[str, NextInvoice] = {}
    for one in draft([customer], month).drafts:
        net, tax = Money(one.net, one.currency), Money(one.tax, one.currency)
        found[one.currency] = NextInvoice(net, tax, Money(Decimal(0), one.currency))
    own = foreseeable(Subscription.objects.filter(customer=customer))
    for foreseen in foresee(own, Assumed(), at=at, until=month.end):
        if foreseen.why:
            return []
        for line in foreseen.lines:
            amount = Money(line.entry.amount, line.currency)
            tax = Money(tax_on(amount.amount, taxed.rate, line.currency), line.currency)
            nothing = Money(Decimal(0), line.currency)
            invoice = found.setdefault(line.currency, NextInvoice(nothing, nothing, nothing))
            invoice.net, invoice.tax, invoice.to_come = (
                invoice.net + amount,
                invoice.tax + tax,
                invoice.to_come + amount,
            )
    return [
        found[currency] for currency in sorted(found) if found[currency].net.amount or found[currency].to_come.amount
    ]


def _chunks(subscriptions: QuerySet[Subscription]) -> Iterator[list[Subscription]]:
    plain = subscriptions.select_related(None).prefetch_related(None)
    rows = plain.select_related(*_RELATED).order_by("pk")
    chunk = list(rows[:AT_ONCE])
    while chunk:
        yield chunk
        chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:AT_ONCE]) if len(chunk) == AT_ONCE else []


_RELATED = (
    "customer", "publisher", "offer", "price", "plan__offer", "plan_term__plan__offer",
    "billing_account__plan_term__plan",
    "scheduled_renewal__plan_term__plan__offer",
)  # fmt: skip


def _last_numbers(chunk: list[Subscription]) -> dict[UUID, int]:
    charges = Charge.objects.filter(subscription__in=chunk).values("subscription_id")
    return dict(charges.annotate(last=Max("sequence")).values_list("subscription_id", "last"))


def _scheduled(subscription: Subscription) -> ScheduledRenewal | None:
    return getattr(subscription, "scheduled_renewal", None)


def _terms(subscription: Subscription) -> list[PlanTerm]:
    """The plan terms that its coming terms may have."""
    row = _scheduled(subscription)
    return [subscription.plan_term, row.plan_term] if row and row.plan_term else [subscription.plan_term]


class _ReadShop(Shop):
    """The catalogue, read once for every plan term that is asked about."""

    def __init__(self, assumed: Assumed) -> None:
        self.assumed = assumed
        self.policies = policy_book("renewal_price", SUSPENSION_LASTS)
        self._prices: dict[UUID, list[Price]] = {}
        self._keeps: dict[tuple[UUID, datetime], bool] = {}

    def read(self, chunk: list[Subscription]) -> None:
        """Read what the terms of these subscriptions may cost."""
        missing = {term.pk for one in chunk for term in _terms(one)} - self._prices.keys()
        self._prices |= {term_id: [] for term_id in missing}
        for price in Price.objects.filter(plan_term__in=missing).order_by("pk"):
            self._prices[price.plan_term_id].append(price)

    def price(self, term: PlanTerm, currency: str, at: datetime) -> Price | None:
        rows = (row for row in self._prices[term.pk] if row.currency == currency)
        valid = next((row for row in rows if row.valid_from <= at and (not row.valid_to or row.valid_to > at)), None)
        return self._risen(valid) if valid else None

    def keeps_price(self, term: PlanTerm, at: datetime) -> bool:
        key = (term.pk, at)
        if key not in self._keeps:
            self._keeps[key] = self.policies.text("renewal_price", scope_of(term.plan, term.term), at) == "kept"
        return self._keeps[key]

    def _risen(self, price: Price) -> Price:
        amount = self.assumed.price(price.amount, price.currency)
        if amount == price.amount:
            return price
        risen = copy(price)
        risen.amount = amount
        return risen


class _Course:
    """One subscription, led through its coming terms."""

    def __init__(
        self, subscription: Subscription, last_number: int, shop: _ReadShop, shelf: Shelf, at: datetime, until: date
    ) -> None:
        self._given, self._subscription = subscription, copy(subscription)
        self._shop, self._shelf = shop, shelf
        self._at, self._today, self._until = at, at.astimezone(UTC).date(), until
        self._scheduled = None if shop.assumed.scenario == Scenario.UNSCHEDULED else _scheduled(subscription)
        self._ends_on = self._end()
        self._account = self._reckoned(subscription.billing_account, last_number)
        self._found = Foreseen(subscription, [], [])

    def run(self) -> Foreseen:
        while self._account.is_open:
            day = self._ends_on or self._subscription.term_end
            if day is None:
                break
            self._keep(charge_until(self._account, min(day, self._until) - _DAY))
            if max(day, self._today) >= self._until:
                break
            self._turn(day)
        return self._found

    def _end(self) -> date | None:
        """The day on which nothing follows any more; None while terms follow one another."""
        one = self._subscription
        lapse = lapses_at(one, self._shop.policies, self._at) if one.status == Status.SUSPENDED else None
        if lapse is not None:
            return min(lapsed_on(one, lapse), one.runs_until or date.max)
        return None if one.auto_renew else one.runs_until

    def _reckoned(self, row: Account, last_number: int) -> Reckoned:
        is_late = self._ends_on is not None and self._ends_on <= self._today
        return reckoned(row, creditable(row, self._ends_on) if is_late else (), last_number)

    def _turn(self, day: date) -> None:
        """The term's end, as the tick will decide it and billing hear it."""
        if self._ends_on is not None:
            self._found.turns.append(self._told(max(day, self._today), renews=False))
            self._hear(day, "subscription.expired", {"ends_on": str(day)})
            return
        one, scheduled = self._subscription, self._scheduled
        quantity, offered, dropped = foreseen_term(one, scheduled, self._shop)
        move_on(one, quantity, offered)
        self._scheduled = None
        turn = self._told(max(day, self._today), renews=True)
        self._found.turns.append(replace(turn, scheduled=scheduled is not None, dropped=tuple(dropped.values())))
        after = values_of(one) | {"quantity": one.quantity}
        before = len(self._found.lines)
        term = {"term_start": str(one.term_start), "term_end": str(one.term_end)}
        self._hear(day, "subscription.renewed", term | {"after": after})
        if len(self._found.lines) > before:
            amount = self._found.lines[before].entry.amount
            self._found.turns[-1] = replace(self._found.turns[-1], first_amount=amount)

    def _hear(self, day: date, name: str, data: dict[str, object]) -> None:
        begins = midnight(day)
        event = Event(id=uuid4(), stream_id=self._given.pk, name=name, data=data, at=max(self._at, begins or self._at))
        self._keep(heard(self._account, event, self._shelf), max(day, self._today))

    def _keep(self, entries: Iterable[Entry], credited_on: date | None = None) -> None:
        """Note lines; a charge is written on its first day, a credit when its cause is heard, neither before today."""
        for entry in entries:
            day = credited_on if entry.credits is not None and credited_on else max(entry.period.start, self._today)
            self._found.lines.append(Line(self._given.pk, day, self._given.currency, entry))

    def _told(self, day: date, *, renews: bool) -> Turn:
        one = self._subscription
        return Turn(
            subscription_id=one.pk,
            day=day,
            currency=one.currency,
            renews=renews,
            quantity=one.quantity,
            plan=one.plan.title,
            term=one.plan_term.term,
            billing_cycle=one.plan_term.billing_cycle,
            unit_price=Decimal(one.unit_price),
        )
