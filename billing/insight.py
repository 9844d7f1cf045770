"""Figures of the past twelve months, out of the ledger and the batches of licences: one query for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Case, DecimalField, F, Q, Sum, Value, When
from django.db.models.functions import TruncMonth

from accounts.policy import Action, Actor, authorize
from billing.enums import ChargeType
from billing.models import Charge
from billing.periods import Month
from publishers.models import Pricing
from subscriptions.enums import TrancheCause
from subscriptions.models import SeatTranche, Subscription
from subscriptions.selectors import within
from subscriptions.terms import CYCLE_MONTHS, MONTHS, midnight

_AMOUNT = DecimalField(max_digits=24, decimal_places=8)


@dataclass(slots=True)
class Revenue:
    """What is charged for a month in one currency, on the last day of each of some months, by publisher."""

    currency: str
    by_publisher: dict[UUID, list[Decimal]] = field(default_factory=dict)

    def totals(self) -> list[Decimal]:
        return [sum(values, Decimal(0)) for values in zip(*self.by_publisher.values(), strict=True)]


@dataclass(slots=True)
class Moved:
    """Licences that were added and that went in a month."""

    added: int = 0
    gone: int = 0


def months_until(today: date, count: int) -> list[Month]:
    """So many months up to that of a day, the oldest first."""
    months = [Month.of(today)]
    while len(months) < count:
        months.insert(0, Month.of(months[0].start - timedelta(days=1)))
    return months


def monthly_revenue(actor: Actor, days: Sequence[date]) -> list[Revenue]:
    """What the ledger charges on each of these days (UTC), as an amount a month, by currency and publisher.

    A yearly price counts a twelfth. What a change or a refund credits is taken off, a credit note is not: the
    subscription goes on. Raises NotPermitted.
    """
    authorize(actor, Action.CHARGE_READ)
    recurring = within(Charge.objects.exclude(charge_type=ChargeType.CUSTOMER_CREDIT), actor)
    recurring = recurring.filter(period_end__gt=min(days), period_start__lte=max(days)).exclude(unit_price=0)
    names = [f"day_{number}" for number in range(len(days))]
    sums = {name: Sum(_monthly(), filter=_runs(day)) for name, day in zip(names, days, strict=True)}
    rows = recurring.order_by("currency", "subscription__publisher__name")
    figures = rows.values("currency", "subscription__publisher_id").annotate(**sums)
    found: dict[str, Revenue] = {}
    for currency, publisher_id, *amounts in figures.values_list("currency", "subscription__publisher_id", *names):
        revenue = found.setdefault(currency, Revenue(currency))
        revenue.by_publisher[publisher_id] = [amount or Decimal(0) for amount in amounts]
    return list(found.values())


def _runs(day: date) -> Q:
    return Q(period_start__lte=day, period_end__gt=day)


def _monthly() -> Case:
    """The price of a line's units for a month; below zero for a credit."""
    price = F("unit_price") * F("quantity")
    lengths = [
        When(price__plan_term__term=term, price__plan_term__billing_cycle="one_time", then=price / Value(months))
        for term, months in MONTHS.items()
    ]
    lengths += [When(price__plan_term__billing_cycle=cycle, then=price / Value(n)) for cycle, n in CYCLE_MONTHS.items()]
    length = Case(*lengths, output_field=_AMOUNT)
    return Case(When(reverses=None, then=length), default=-length, output_field=_AMOUNT)


def licences_moved(actor: Actor, months: Sequence[Month]) -> dict[Month, Moved]:
    """Licences of per-user plans that were added (activated, more) and that went (fewer, ended) in each month (UTC).

    A renewal counts what it changes. What was never activated is in neither. Raises NotPermitted.
    """
    authorize(actor, Action.CHARGE_READ)
    moved = {month: Moved() for month in months}
    for moment, quantity in _steps(actor, midnight(months[0].start), months[-1].begins_next):
        month = Month.of(moment.astimezone(UTC).date())
        moved[month].added += max(quantity, 0)
        moved[month].gone += max(-quantity, 0)
    return moved


def _steps(actor: Actor, start: datetime | None, end: datetime) -> Iterator[tuple[datetime, int]]:
    """Moments and licences: sums of a month where they all go one way, each renewal that changed something."""
    per_user = Q(subscription__plan__pricing=Pricing.PER_USER, subscription__activated_at__isnull=False)
    batches = within(SeatTranche.objects.filter(per_user), actor, "subscription__customer").order_by()
    begun = Case(When(cause=TrancheCause.PURCHASE, then=F("subscription__activated_at")), default=F("opened_at"))
    in_time = batches.annotate(moment=begun).filter(moment__gte=start, moment__lt=end)
    plain = in_time.exclude(cause=TrancheCause.RENEWAL).annotate(month=TruncMonth("moment", tzinfo=UTC))
    for sign in (Q(quantity__gt=0), Q(quantity__lt=0)):
        yield from plain.filter(sign).values("month").annotate(sum=Sum("quantity")).values_list("month", "sum")
    renewed = in_time.filter(cause=TrancheCause.RENEWAL).values("subscription_id", "moment")
    yield from renewed.annotate(sum=Sum("quantity")).exclude(sum=0).values_list("moment", "sum")
    ended = within(Subscription.objects.filter(plan__pricing=Pricing.PER_USER, activated_at__isnull=False), actor)
    gone = ended.filter(ended_at__gte=start, ended_at__lt=end).annotate(month=TruncMonth("ended_at", tzinfo=UTC))
    yield from gone.order_by().values("month").annotate(sum=-Sum("quantity")).values_list("month", "sum")
