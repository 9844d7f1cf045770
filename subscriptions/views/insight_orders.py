"""Tables of how long orders and changes took, and of what waits."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.policy import Actor
from publishers.selectors import publishers_visible_to
from subscriptions.enums import OperationAction, Reason, Status
from subscriptions.filters import WAITING_REASONS
from subscriptions.insight import AgeBand, Grain, Span, age_bands, start_of
from subscriptions.insight_orders import (
    Asked,
    LeadTime,
    Readiness,
    Spread,
    backlog_by_publisher,
    lead_times_by_action,
    lead_times_by_part,
    readiness_by_both,
    readiness_by_month,
    readiness_by_publisher,
    waiting_by_age,
)
from subscriptions.scoreboard import FEWEST_ORDERS
from subscriptions.views.insight_tables import (
    Cell,
    Heading,
    Table,
    count,
    count_picture,
    in_part,
    lasting,
    named,
    part_heading,
    part_label,
    share,
    spread_headings,
    spread_picture,
)
from subscriptions.words import CAUSE_NAME, OPERATION

SECONDS = "s"


def listed(asked: Asked, **narrowed: Any) -> str:
    """The list of subscriptions with what was asked for and what narrows it further; None narrows nothing."""
    own = {"publisher": asked.publisher and asked.publisher.pk, "customer": asked.customer and asked.customer.pk}
    given = {name: value for name, value in (own | narrowed).items() if value}
    return f"{reverse('subscriptions:list')}?{urlencode(given)}"


def _bought_in(span: Span) -> dict[str, date]:
    return {"purchased_from": span.first, "purchased_to": span.last}


def publisher_names(actor: Actor) -> dict[UUID, str]:
    return dict(publishers_visible_to(actor).values_list("pk", "name"))


def activation_by_month(actor: Actor, asked: Asked, at: datetime) -> Table:
    """By the month of the purchase; months without orders are shown."""
    found = readiness_by_month(actor, asked)
    months = [(month, found.get(start_of(month.first, Grain.MONTH), Readiness())) for month in _months(asked)]
    rows = [
        [
            in_part(month, Grain.MONTH, listed(asked, **_bought_in(month))),
            *_ready(one, listed(asked, **_bought_in(month))),
        ]
        for month, one in months
    ]
    bars = [(row[0], part_label(month, Grain.MONTH), row[3:]) for row, (month, _one) in zip(rows, months, strict=True)]
    return _activation(
        _("From purchase to activation"),
        [part_heading(Grain.MONTH)],
        list(reversed(rows)) if found else [],
        note=_(
            "The time from the purchase to the activation of the orders that were activated: half of them took p50 at"
            " most, 90 of 100 p90, 99 of 100 p99."
        ),
        pictures=[spread_picture(_("From purchase to activation, by month of purchase"), bars)],
        url=listed(asked, **_bought_in(asked.span)),
        link=_("Subscriptions bought in this period"),
    )


def _months(asked: Asked) -> list[Span]:
    return asked.span.parts(Grain.MONTH)


def activation_by_publisher(actor: Actor, asked: Asked, at: datetime) -> Table:
    names, found = publisher_names(actor), readiness_by_publisher(actor, asked)
    rows = [[named(names[key], _of(asked, key)), *_ready(one, _of(asked, key))] for key, one in found.items()]
    heading = Heading(_("Publisher"), number=False)
    return _activation(_("By publisher"), [heading], rows)


def activation_by_both(actor: Actor, asked: Asked, at: datetime) -> Table:
    names, months = publisher_names(actor), {start_of(one.first, Grain.MONTH): one for one in _months(asked)}
    rows = [
        [
            named(names[key], _of(asked, key)),
            in_part(months[month], Grain.MONTH),
            *_ready(one, _of(asked, key, months[month])),
        ]
        for key, month, one in readiness_by_both(actor, asked)
    ]
    headings = [Heading(_("Publisher"), number=False), part_heading(Grain.MONTH)]
    return _activation(_("By publisher and month"), headings, rows)


def _of(asked: Asked, publisher_id: UUID, span: Span | None = None) -> str:
    return listed(asked, publisher=publisher_id, **_bought_in(span or asked.span))


def _ready(one: Readiness, url: str) -> list[Cell]:
    return [count(one.bought, url), count(one.activated), *_lasting(one.times)]


def _lasting(times: Spread | None) -> list[Cell]:
    return [lasting(time) for time in times or (None, None, None)]


def _activation(
    title: str,
    first: Sequence[Heading],
    rows: list[list[Cell]],
    **more: Any,
) -> Table:
    headings = [*first, Heading(_("Bought")), Heading(_("Activated")), *spread_headings(SECONDS)]
    return Table(title, headings, rows, empty=_("Nothing was bought in this period."), **more)


def waiting_ages(actor: Actor, asked: Asked, at: datetime) -> Table:
    """What waits now, by age and reason, whenever it was bought."""
    today = at.astimezone(UTC).date()
    counts = waiting_by_age(actor, asked, today)
    reasons = [reason for reason in WAITING_REASONS if any(said == reason for _place, said in counts)]
    bands = age_bands(today)
    rows = [
        [
            named(_age(band), _waits(asked, band)),
            count(sum(counts.get((place, reason), 0) for reason in reasons), _waits(asked, band)),
            *(count(counts.get((place, reason), 0), _waits(asked, band, reason=reason)) for reason in reasons),
        ]
        for place, band in enumerate(bands)
    ]
    names = [str(CAUSE_NAME[reason]) for reason in reasons]
    bars = [(row[0], row[0].text, [int(str(cell.value)) for cell in row[2:]]) for row in rows]
    urls = [_waits(asked, reason=reason) for reason in reasons]
    return Table(
        _("What waits"),
        [Heading(_("Days since the purchase"), number=False), Heading(_("Waiting")), *map(Heading, names)],
        rows if counts else [],
        empty=_("Nothing waits for its activation."),
        note=_("As of now, whenever it was bought. Ages are whole days, counted from the day of the purchase."),
        pictures=[count_picture(_("Waiting, by days since the purchase"), bars, names, urls)],
        url=_waits(asked),
        link=_("Everything that waits"),
    )


def _waits(asked: Asked, band: AgeBand | None = None, reason: Reason | None = None, **narrowed: Any) -> str:
    days = {"purchased_from": band.first, "purchased_to": band.last} if band else {}
    return listed(asked, status=Status.PENDING.value, reason=reason and reason.value, **days, **narrowed)


def _age(band: AgeBand) -> str:
    if band.oldest is None:
        return _("{youngest} or more").format(youngest=band.youngest)
    return f"{band.youngest}–{band.oldest}"


def waiting_stuck(actor: Actor, asked: Asked, at: datetime) -> Table:
    """What waits now at each publisher, and how much of it for longer than usual there."""
    names, found = publisher_names(actor), backlog_by_publisher(actor, asked, at)
    rows = [
        [
            named(names[key], reverse("publisher-health", args=[key])),
            count(one.waiting, _waits(asked, publisher=key)),
            lasting(one.oldest),
            lasting(one.usual),
            count(one.stuck) if one.usual else named("–"),
            share(one.share),
        ]
        for key, one in found.items()
    ]
    headings = [
        Heading(_("Publisher"), number=False),
        Heading(_("Waiting")),
        Heading(_("Longest"), unit=SECONDS),
        Heading(_("Publisher's p90"), unit=SECONDS),
        Heading(_("Stuck")),
        Heading(_("Stuck share")),
    ]
    note = _(
        "Stuck is what has waited longer than p90: the time that 90 of 100 orders of the same publisher took at most,"
        " of those bought in this period. With fewer than {n} activated orders nothing is said."
    ).format(n=FEWEST_ORDERS)
    return Table(
        _("Stuck, by publisher"),
        headings,
        rows,
        empty=_("Nothing waits for its activation."),
        note=note,
    )


def changes_by_action(actor: Actor, asked: Asked, at: datetime) -> Table:
    """By what was asked for."""
    found = lead_times_by_action(actor, asked)
    rows = [[named(str(OPERATION[OperationAction(key)])), *_led(one)] for key, one in found.items()]
    heading = Heading(_("Kind of change"), number=False)
    return _changes(_("By kind of change"), heading, rows)


def changes_by_part(actor: Actor, asked: Asked, at: datetime) -> Table:
    """By when it was asked for."""
    grain = asked.span.grain
    found = lead_times_by_part(actor, asked, grain)
    parts = [(part, found.get(start_of(part.first, grain), LeadTime())) for part in asked.span.parts(grain)]
    rows = [[in_part(part, grain, _told(asked, part)), *_led(one)] for part, one in parts]
    bars = [(row[0], part_label(part, grain), row[5:]) for row, (part, _one) in zip(rows, parts, strict=True)]
    return _changes(
        _("By time"),
        part_heading(grain),
        list(reversed(rows)) if found else [],
        note=_(
            "Changes that a publisher hears of, by when they were asked for. Refused are those that it refused or that"
            " were not carried out; the time runs until a change is over. What was withdrawn is in neither."
        ),
        pictures=[spread_picture(_("From asking to the end, by when it was asked for"), bars)],
        url=_told(asked, asked.span),
        link=_("Activity of this period"),
    )


def _led(one: LeadTime) -> list[Cell]:
    return [count(one.asked), count(one.open), count(one.over), share(one.share), *_lasting(one.times)]


def _told(asked: Asked, span: Span) -> str:
    """Where the changes of some days are told one by one."""
    query: dict[str, Any] = {"what": "change", "since": span.first, "until": span.last}
    query |= {"customer": asked.customer.pk} if asked.customer else {}
    return f"{reverse('activity:list')}?{urlencode(query)}"


def _changes(title: str, first: Heading, rows: list[list[Cell]], **more: Any) -> Table:
    headings = [
        first,
        Heading(_("Asked for")),
        Heading(_("Under way")),
        Heading(_("Over")),
        Heading(_("Refused share")),
        *spread_headings(SECONDS),
    ]
    return Table(
        title, headings, rows, empty=_("No change that a publisher hears of was asked for in this period."), **more
    )
