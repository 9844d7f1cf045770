"""What will be charged if nobody acts: for everything, a customer, a subscription; and which terms end when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from billing.filters import month_in
from billing.forecast import MOST_RISE, Assumed, Line, MonthSums, Scenario, Sums, Turn, months_from
from billing.forecasting import Foreseen, foresee, foreseeable
from billing.periods import Month
from billing.views.frame import frame
from billing.views.reconciling import WRITERS
from billing.words import CHARGE
from customers.selectors import customer_for
from partnerhub.clock import now
from partnerhub.money import Money
from partnerhub.web.charts import Column, stacked
from partnerhub.web.export import Value
from partnerhub.web.pages import capped_count
from partnerhub.web.templatetags.hub import day_text, money_text
from publishers.selectors import publishers_visible_to
from subscriptions.enums import Status
from subscriptions.models import Subscription
from subscriptions.selectors import subscription_for, subscriptions_visible_to
from subscriptions.views.customers import customer_frame
from subscriptions.words import CYCLE, TERM

# A page is made within seconds; what is more is in the file.
SUBSCRIPTIONS_AT_MOST = 1000
ROWS_SHOWN = 200
MONTHS = (3, 6, 12, 24, 36)
USUAL_RISE = Decimal(5)
SCENARIOS = {
    Scenario.AS_IS: gettext_lazy("If nobody acts"),
    Scenario.UNSCHEDULED: gettext_lazy("Without the scheduled changes"),
    Scenario.RISE: gettext_lazy("If prices rise"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; whatever is no value is as if it was not said."""

    assumed: Assumed
    months: list[Month]
    shown: Month
    publisher: str

    @property
    def query(self) -> dict[str, str]:
        """The parameters that lead here again, but for the month that is shown."""
        query = {"scenario": self.assumed.scenario.value, "months": str(len(self.months))}
        if self.assumed.scenario == Scenario.RISE:
            query["rise"] = f"{self.assumed.rise:f}"
        return query | ({"publisher": self.publisher} if self.publisher else {})


def asked_in(params: QueryDict, at: datetime) -> Asked:
    """Read scenario, rise, months, month and publisher."""
    given = params.get("scenario", "")
    scenario = Scenario(given) if given in list(Scenario) else Scenario.AS_IS
    count = params.get("months", "")
    months = months_from(at.astimezone(UTC).date(), int(count) if count in map(str, MONTHS) else 12)
    day = month_in(params.get("month", ""))
    shown = next((month for month in months if month.start == day), months[0])
    return Asked(Assumed(scenario, _rise(params.get("rise", ""))), months, shown, params.get("publisher", ""))


def _rise(text: str) -> Decimal:
    try:
        rise = Decimal(text.replace(",", "."))
    except InvalidOperation:
        return USUAL_RISE
    fits = rise.is_finite() and 0 <= rise <= MOST_RISE
    return rise.quantize(Decimal("0.01")).normalize() if fits else USUAL_RISE


@require_safe
@login_required
def forecast(request: HttpRequest) -> HttpResponse:
    """Everything that is visible; `?publisher=` leaves one publisher's."""
    actor, at = actor_of(request), now()
    asked = asked_in(request.GET, at)
    publishers = [
        {"id": str(one.pk), "name": one.name, "current": str(one.pk) == asked.publisher}
        for one in publishers_visible_to(actor)
    ]
    found = _of_publisher(_visible(actor), asked.publisher)
    context = _foreseen(request, found, asked, at) | {"publishers": publishers, "file_query": ""}
    return render(request, "billing/forecast.html", context | frame(actor, "forecast"))


@require_safe
@login_required
def customer_forecast(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    """A customer's."""
    actor, at = actor_of(request), now()
    customer = customer_for(actor, customer_id)
    context = _foreseen(request, _visible(actor).filter(customer=customer), asked_in(request.GET, at), at)
    context |= {"file_query": f"&customer={customer.pk}"} | customer_frame(actor, customer, "customer_invoices")
    return render(request, "billing/forecast_customer.html", context)


@require_safe
@login_required
def subscription_forecast(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """One subscription's."""
    actor, at = actor_of(request), now()
    subscription = subscription_for(actor, subscription_id)
    found = _visible(actor).filter(pk=subscription.pk)
    context = _foreseen(request, found, asked_in(request.GET, at), at)
    context |= {
        "subscription": subscription,
        "file_query": f"&subscription={subscription.pk}",
        "crumbs": [{"url": reverse("subscriptions:detail", args=[subscription.pk]), "label": subscription.nickname}],
    }
    return render(request, "billing/forecast_subscription.html", context)


@require_safe
@login_required
def forecast_file(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """All of it as a file, without the page's limit: `lines` that will be charged, or the `calendar` of terms."""
    if form not in WRITERS or name not in _FILES:
        raise Http404
    actor, params, at = actor_of(request), request.GET, now()
    asked = asked_in(params, at)
    found = _of_publisher(_visible(actor), asked.publisher)
    for parameter, field in (("customer", "customer_id"), ("subscription", "pk")):
        if parameter in params:
            found = found.filter(**{field: _id(params[parameter])})
    columns, rows = _FILES[name]
    return WRITERS[form](f"forecast-{name}", columns, rows(_all(found, asked, at)))


def _visible(actor: Actor) -> QuerySet[Subscription]:
    authorize(actor, Action.CHARGE_READ)
    return subscriptions_visible_to(actor)


def _of_publisher(found: QuerySet[Subscription], publisher: str) -> QuerySet[Subscription]:
    return found.filter(Q(publisher_id=_id(publisher))) if publisher else found


def _id(text: str) -> UUID | None:
    """The id that a text is; None, which nothing has, for any other."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _all(found: QuerySet[Subscription], asked: Asked, at: datetime) -> Iterator[Foreseen]:
    return foresee(foreseeable(found), asked.assumed, at=at, until=asked.months[-1].end)


def _foreseen(request: HttpRequest, found: QuerySet[Subscription], asked: Asked, at: datetime) -> dict[str, Any]:
    sums, lines, turns, counted = Sums.of(asked.months), [], [], 0
    unforeseen: list[Foreseen] = []
    course = _all(found, asked, at)
    for one in islice(course, SUBSCRIPTIONS_AT_MOST):
        counted += 1
        unforeseen += [one] if one.why else []
        sums.add(one.lines)
        sums.add(one.turns)
        lines += [(line, one.subscription) for line in one.lines if Month.of(line.day) == asked.shown]
        turns += [(turn, one.subscription) for turn in one.turns if Month.of(turn.day) == asked.shown]
    lines.sort(key=lambda pair: (pair[0].day, str(pair[0].subscription_id), pair[0].entry.number))
    turns.sort(key=lambda pair: (pair[0].day, str(pair[0].subscription_id)))
    return {
        "scenarios": [(key.value, word, key == asked.assumed.scenario) for key, word in SCENARIOS.items()],
        "assumed": SCENARIOS[asked.assumed.scenario],
        "rises": asked.assumed.scenario == Scenario.RISE,
        "rise": f"{asked.assumed.rise:f}",
        "month_counts": [(count, count == len(asked.months)) for count in MONTHS],
        "address": request.path,
        "query": _query(asked),
        "counted": counted - len(unforeseen),
        "unforeseen": [(one.subscription, _why(one)) for one in unforeseen[:ROWS_SHOWN]],
        "unforeseen_left": max(0, len(unforeseen) - ROWS_SHOWN),
        "is_cut": next(course, None) is not None,
        "waiting": capped_count(found.filter(status=Status.PENDING)),
        "currencies": sums.currencies,
        "charts": [_chart(sums, currency) for currency in sums.currencies],
        "months": [_month(month, one, sums.currencies, asked) for month, one in sums.months.items()],
        "totals": [Money(sums.total(currency), currency) for currency in sums.currencies],
        "shown": asked.shown,
        "turns": [_turn(turn, subscription) for turn, subscription in turns[:ROWS_SHOWN]],
        "lines": [_line(line, subscription) for line, subscription in lines[:ROWS_SHOWN]],
        "turns_left": max(0, len(turns) - ROWS_SHOWN),
        "lines_left": max(0, len(lines) - ROWS_SHOWN),
    }


def _query(asked: Asked, **more: str) -> str:
    query = QueryDict(mutable=True)
    query.update(asked.query | more)
    return query.urlencode()


def _chart(sums: Sums, currency: str) -> dict[str, Any]:
    columns = [
        Column(
            label=date_format(month.start, "M"),
            title=f"{month}: {money_text(one.amounts.get(currency, Decimal(0)), currency)}",
            values=[one.amounts.get(currency, Decimal(0))],
        )
        for month, one in sums.months.items()
    ]
    return {"title": _("{currency} by month").format(currency=currency), "chart": stacked(columns)}


def _month(month: Month, sums: MonthSums, currencies: list[str], asked: Asked) -> dict[str, Any]:
    return {
        "month": month,
        "current": month == asked.shown,
        "query": _query(asked, month=str(month)),
        "amounts": [
            {"currency": code, "money": Money(sums.amounts[code], code) if code in sums.amounts else None}
            for code in currencies
        ],
        "renewals": sums.renewals,
        "scheduled": sums.scheduled,
        "ends": sums.ends,
    }


def _turn(turn: Turn, subscription: Subscription) -> dict[str, Any]:
    return {
        "subscription": subscription,
        "day": turn.day,
        "last_day": turn.day - timedelta(days=1),
        "renews": turn.renews,
        "scheduled": turn.scheduled,
        "dropped": turn.dropped,
        "quantity": turn.quantity,
        "plan": turn.plan,
        "term": TERM[turn.term],
        "cycle": CYCLE[turn.billing_cycle],
        "unit_price": Money(turn.unit_price, turn.currency),
        "first": None if turn.first_amount is None else Money(turn.first_amount, turn.currency),
    }


def _line(line: Line, subscription: Subscription) -> dict[str, Any]:
    entry = line.entry
    return {
        "subscription": subscription,
        "day": line.day,
        "kind": CHARGE[entry.charge_type],
        "first_day": entry.period.start,
        "last_day": entry.period.end - timedelta(days=1),
        "quantity": entry.units,
        "unit_price": Money(entry.unit_price, line.currency),
        "amount": Money(entry.amount, line.currency),
    }


_OF_SUBSCRIPTION = ("subscription_id", "nickname", "customer", "publisher", "offer")

_OF_TERM = ("day", *_OF_SUBSCRIPTION, "renews", "scheduled_change", "quantity", "plan", "term", "billing_cycle")


def _named(subscription: Subscription) -> list[Value]:
    one = subscription
    return [str(one.pk), one.nickname, one.customer.name, one.publisher.name, one.offer.title]


def _line_rows(course: Iterator[Foreseen]) -> Iterator[list[Value]]:
    for found in course:
        named = _named(found.subscription)
        for line in found.lines:
            entry, period = line.entry, line.entry.period
            said: list[Value] = [str(entry.charge_type), period.start, period.end - timedelta(days=1), entry.units]
            yield [line.day, *named, *said, entry.unit_price, entry.amount, line.currency]


def _why(found: Foreseen) -> str:
    """Why nothing is foreseen, in the reader's language where it is a case that we know."""
    if found.missing is None:
        return found.why
    day = day_text(found.missing.at.astimezone(UTC).date())
    return _("The policy {name} has no value on {day}.").format(name=found.missing.name, day=day)


def _turn_rows(course: Iterator[Foreseen]) -> Iterator[list[Value]]:
    for found in course:
        named = _named(found.subscription)
        for turn in found.turns:
            said: list[Value] = [turn.renews, turn.scheduled, turn.quantity, turn.plan, turn.term, turn.billing_cycle]
            dropped = "; ".join(turn.dropped)
            yield [turn.day, *named, *said, turn.unit_price, turn.first_amount, turn.currency, dropped]
        if found.why:
            yield [None, *named, *[None] * 6, None, None, found.subscription.currency, _why(found)]


_FILES = {
    "lines": (
        [
            "day",
            *_OF_SUBSCRIPTION,
            "charge_type",
            "first_day",
            "last_day",
            "quantity",
            "unit_price",
            "amount",
            "currency",
        ],
        _line_rows,
    ),
    "calendar": (
        [*_OF_TERM, "unit_price", "first_amount", "currency", "not_possible"],
        _turn_rows,
    ),
}
