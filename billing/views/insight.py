"""Key figures of the last twelve months: monthly recurring revenue, licences added and gone."""

from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Actor
from billing.insight import Moved, Revenue, licences_moved, monthly_revenue, months_until
from billing.periods import Month
from billing.views.frame import frame
from partnerhub.clock import now
from partnerhub.money import Money
from partnerhub.web.charts import SERIES, Column, stacked
from partnerhub.web.templatetags.hub import money_text
from publishers.selectors import publishers_visible_to

MONTHS, MONTHS_AT_HOME = 12, 6


@require_safe
@login_required
def insight(request: HttpRequest) -> HttpResponse:
    """Charts, each with its table; the running month as of today."""
    actor = actor_of(request)
    months = months_until(_today(), MONTHS)
    context = {"revenues": _revenues(actor, months), "licences": _licences(licences_moved(actor, months))}
    return render(request, "billing/insight.html", context | frame(actor, "insight"))


@require_safe
@login_required
def revenue(request: HttpRequest) -> HttpResponse:
    """The charts of revenue alone, for Home, fetched once it is there."""
    revenues = _revenues(actor_of(request), months_until(_today(), MONTHS_AT_HOME))
    return render(request, "billing/_revenue.html", {"revenues": revenues})


def _today() -> date:
    return now().astimezone(UTC).date()


def _revenues(actor: Actor, months: list[Month]) -> list[dict[str, Any]]:
    days = [min(month.end - timedelta(days=1), _today()) for month in months]
    names = {one.pk: one.name for one in publishers_visible_to(actor)}
    return [_revenue(one, months, names) for one in monthly_revenue(actor, days)]


def _revenue(revenue: Revenue, months: list[Month], names: dict[UUID, str]) -> dict[str, Any]:
    """The greatest publishers by name, the others in one series."""
    greatest = sorted(revenue.by_publisher, key=lambda key: (-sum(revenue.by_publisher[key]), names[key]))
    own, others = greatest[: SERIES - 1], greatest[SERIES - 1 :]
    series = [(names[key], _listed(key, revenue.currency), revenue.by_publisher[key]) for key in own]
    if others:
        rows = [revenue.by_publisher[key] for key in others]
        series.append(
            (_("Others"), _listed(None, revenue.currency), [sum(each, Decimal(0)) for each in zip(*rows, strict=True)])
        )
    totals = revenue.totals()
    columns = [
        Column(
            label=date_format(month.start, "M"),
            title=f"{month}: {money_text(total, revenue.currency)}",
            values=[values[number] for _name, _url, values in series],
        )
        for number, (month, total) in enumerate(zip(months, totals, strict=True))
    ]
    return {
        "currency": revenue.currency,
        "title": _("{currency} a month, by publisher").format(currency=revenue.currency),
        "series": [{"number": number, "name": name, "url": url} for number, (name, url, _values) in enumerate(series)],
        "chart": stacked(columns),
        "rows": [
            {
                "month": month,
                "cells": [
                    {"name": name, "amount": Money(values[number], revenue.currency)} for name, _url, values in series
                ],
                "total": Money(totals[number], revenue.currency),
                "url": f"{reverse('billing:reconciliation')}?period={month}",
            }
            for number, month in reversed(list(enumerate(months)))
        ],
    }


def _listed(publisher_id: UUID | None, currency: str) -> str:
    publisher = f"&publisher={publisher_id}" if publisher_id else ""
    return f"{reverse('subscriptions:list')}?currency={currency}{publisher}"


def _licences(moved: dict[Month, Moved]) -> dict[str, Any]:
    columns = [
        Column(
            label=date_format(month.start, "M"),
            title=f"{month}: +{number_format(one.added)} −{number_format(one.gone)}",
            values=[Decimal(one.added), Decimal(-one.gone)],
        )
        for month, one in moved.items()
    ]
    rows = [
        {
            "month": month,
            "added": one.added,
            "gone": one.gone,
            "net": one.added - one.gone,
            "url": _happened(month),
        }
        for month, one in reversed(moved.items())
    ]
    return {"title": _("Licences added and churned"), "chart": stacked(columns), "rows": rows}


def _happened(month: Month) -> str:
    """Where what happened in a month is told one by one."""
    return f"{reverse('activity:list')}?since={month.start}&until={month.end - timedelta(days=1)}"
