"""Tables of questions to publishers, of their circuits, and of webhooks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.policy import Actor
from partnerhub.web.charts import SERIES, Column, stacked
from publishers.fulfillment.gateway import Outcome
from publishers.words import duration_words
from subscriptions.insight import Outage, Span, start_of
from subscriptions.insight_calls import (
    Heard,
    Told,
    heard_by_part,
    heard_by_program,
    notices_by_part,
    notices_by_publisher,
    outages_of,
    outcomes_by_part,
    questions_by_publisher,
)
from subscriptions.insight_orders import Asked
from subscriptions.views.insight_orders import publisher_names
from subscriptions.views.insight_tables import (
    Cell,
    Heading,
    Picture,
    Table,
    count,
    count_picture,
    in_part,
    lasting,
    latency,
    moment,
    named,
    part_heading,
    part_label,
    part_words,
    share,
    spread_headings,
    spread_picture,
)
from subscriptions.words import CALL_OUTCOME

MILLISECONDS = "ms"
OUTCOMES = (
    Outcome.ANSWERED,
    Outcome.UNKNOWN_THERE,
    Outcome.THROTTLED,
    Outcome.FAILING,
    Outcome.SILENT,
    Outcome.UNREADABLE,
    Outcome.FORBIDDEN,
)
# In the chart of what went wrong; few of them would not be seen on top of all that went well.
TROUBLE = OUTCOMES[2:]


def polls_by_part(actor: Actor, asked: Asked, at: datetime) -> Table:
    """What came of the questions of each day, week or month."""
    grain = asked.span.grain
    found = outcomes_by_part(actor, asked, grain)
    parts = [(part, found.get(start_of(part.first, grain), {})) for part in asked.span.parts(grain)]
    rows = [
        [in_part(part, grain), count(sum(one.values())), *(count(one.get(code, 0)) for code in OUTCOMES)]
        for part, one in parts
    ]
    names = {code: str(CALL_OUTCOME[code]) for code in OUTCOMES}
    pictures = [
        count_picture(
            title,
            [
                (row[0], part_label(part, grain), [one.get(code, 0) for code in codes])
                for row, (part, one) in zip(rows, parts, strict=True)
            ],
            [names[code] for code in codes],
        )
        for title, codes in ((_("Questions"), OUTCOMES[:2]), (_("Questions without a usable answer"), TROUBLE))
    ]
    return Table(
        _("Questions to publishers, by outcome"),
        [part_heading(grain), Heading(_("Questions")), *(Heading(names[code]) for code in OUTCOMES)],
        list(reversed(rows)) if found else [],
        empty=_("No publisher was asked anything in this period."),
        pictures=pictures,
        url=reverse("publishers"),
        link=_("Publishers"),
    )


def polls_by_publisher(actor: Actor, asked: Asked, at: datetime) -> Table:
    names = publisher_names(actor)
    rows = [
        [
            named(names[key], reverse("publisher-health", args=[key])),
            count(calls.calls),
            share(calls.success),
            latency(_milliseconds(calls.mean_milliseconds)),
            latency(_milliseconds(calls.slowest_milliseconds)),
        ]
        for key, calls in questions_by_publisher(actor, asked).items()
    ]
    headings = [
        Heading(_("Publisher"), number=False),
        Heading(_("Questions")),
        Heading(_("Answered well")),
        Heading(_("Mean time"), unit=MILLISECONDS),
        Heading(_("Slowest"), unit=MILLISECONDS),
    ]
    empty = _("No publisher was asked anything in this period.")
    return Table(_("Questions, by publisher"), headings, rows, empty=empty)


def _milliseconds(number: float | None) -> timedelta | None:
    return None if number is None else timedelta(milliseconds=number)


def circuits(actor: Actor, asked: Asked, at: datetime) -> Table:
    """When publishers were left alone because they failed, the latest first."""
    names, found = publisher_names(actor), outages_of(actor, asked)
    until = min(asked.span.ends, at)
    still = _("still open") if asked.span.ends > at else _("after this period")
    rows = [
        [
            named(names[one.publisher_id], reverse("publisher-health", args=[one.publisher_id])),
            moment(one.opened_at),
            moment(one.closed_at, still),
            lasting((one.closed_at or until) - one.opened_at),
            count(one.failures),
            named(one.detail),
        ]
        for one in found
    ]
    headings = [
        Heading(_("Publisher"), number=False),
        Heading(_("Opened"), number=False),
        Heading(_("Closed"), number=False),
        Heading(_("Open for"), unit="s"),
        Heading(_("Failures in a row")),
        Heading(_("Last failure"), number=False),
    ]
    return Table(
        _("Circuits"),
        headings,
        rows,
        empty=_("No circuit was open in this period: every publisher was asked whenever it was due."),
        note=_("While a circuit is open, the hub leaves the publisher alone for a while instead of asking it in vain."),
        pictures=[_downtime(found, asked.span, names, until)],
    )


def _downtime(found: Sequence[Outage], span: Span, names: dict[UUID, str], until: datetime) -> Picture:
    """How long circuits were open: the publishers that were worst by name, the others together."""
    totals: dict[UUID, timedelta] = {}
    for one in found:
        totals[one.publisher_id] = totals.get(one.publisher_id, timedelta()) + one.within(span.begins, until)
    worst = sorted(totals, key=lambda key: (-totals[key], names[key]))
    groups = [[key] for key in worst[: SERIES - 1]] + ([worst[SERIES - 1 :]] if worst[SERIES - 1 :] else [])
    columns = []
    for part in span.parts(span.grain):
        end = min(part.ends, until)
        own = [[one for one in found if one.publisher_id in group] for group in groups]
        times = [sum((one.within(part.begins, end) for one in outages), timedelta()) for outages in own]
        told = duration_words(sum(times, timedelta())) if any(times) else "0"
        title = f"{part_words(part, span.grain)}: {told}"
        columns.append(Column(part_label(part, span.grain), title, [Decimal(round(t.total_seconds())) for t in times]))
    labels = [names[group[0]] for group in groups[: SERIES - 1]] + [_("Others")]
    urls = [reverse("publisher-health", args=[group[0]]) for group in groups[: SERIES - 1]] + [""]
    series = [{"number": place, "name": labels[place], "url": urls[place]} for place in range(len(groups))]
    return Picture(_("How long circuits were open"), stacked(columns), series)


def notices_over_time(actor: Actor, asked: Asked, at: datetime) -> Table:
    """Posts to publishers' webhooks by day, week or month."""
    grain = asked.span.grain
    found = notices_by_part(actor, asked, grain)
    parts = [(part, found.get(start_of(part.first, grain), Told())) for part in asked.span.parts(grain)]
    rows = [[in_part(part, grain), *_posted(one, "")] for part, one in parts]
    bars = [(row[0], part_label(part, grain), row[3:]) for row, (part, _one) in zip(rows, parts, strict=True)]
    return _notices(
        _("To publishers, by time"),
        part_heading(grain),
        list(reversed(rows)) if found else [],
        [spread_picture(_("Until a publisher's webhook has answered"), bars)],
    )


def notices_by_receiver(actor: Actor, asked: Asked, at: datetime) -> Table:
    names = publisher_names(actor)
    rows = []
    for key, one in notices_by_publisher(actor, asked).items():
        url = reverse("publisher-notices", args=[key])
        rows.append([named(names[key], url), *_posted(one, url)])
    heading = Heading(_("Publisher"), number=False)
    return _notices(_("To publishers"), heading, rows)


def _posted(one: Told, url: str) -> list[Cell]:
    times = [latency(_milliseconds(time)) for time in one.times or (None, None, None)]
    return [count(one.posts, url), share(one.received / one.posts if one.posts else None), *times]


def _notices(title: str, first: Heading, rows: list[list[Cell]], pictures: Sequence[Picture] = ()) -> Table:
    headings = [first, Heading(_("Posts")), Heading(_("Received share")), *spread_headings(MILLISECONDS)]
    empty = _("Nothing was posted to a publisher's webhook in this period.")
    note = _("The time of one post until its answer was read; posts without an answer are not in it.")
    return Table(title, headings, rows, empty=empty, note=note, pictures=pictures)


def programs_over_time(actor: Actor, asked: Asked, at: datetime) -> Table:
    """What programs were told, by day, week or month."""
    grain = asked.span.grain
    found = heard_by_part(actor, asked, grain)
    parts = [(part, found.get(start_of(part.first, grain), Heard())) for part in asked.span.parts(grain)]
    rows = [[in_part(part, grain), *_delivered(one)] for part, one in parts]
    bars = [(row[0], part_label(part, grain), row[5:]) for row, (part, _one) in zip(rows, parts, strict=True)]
    return _programs(
        _("To programs, by time"),
        part_heading(grain),
        list(reversed(rows)) if found else [],
        [spread_picture(_("From the event until the program has it"), bars)],
    )


def programs(actor: Actor, asked: Asked, at: datetime) -> Table:
    """What each program was told."""
    found = heard_by_program(actor, asked)
    rows = [[named(name, reverse("client", args=[key])), *_delivered(one)] for (key, name), one in found.items()]
    return _programs(_("To programs"), Heading(_("Program"), number=False), rows)


def _delivered(one: Heard) -> list[Cell]:
    times = [latency(time) for time in one.times or (None, None, None)]
    return [count(one.told), count(one.delivered), count(one.waiting), count(one.parked), *times]


def _programs(title: str, first: Heading, rows: list[list[Cell]], pictures: Sequence[Picture] = ()) -> Table:
    headings = [
        first,
        Heading(_("Told")),
        Heading(_("Arrived")),
        Heading(_("Waiting")),
        Heading(_("Given up")),
        *spread_headings(MILLISECONDS),
    ]
    return Table(
        title,
        headings,
        rows,
        empty=_("No program was told anything in this period."),
        note=_("The time from the event until the program has taken it, with all attempts in between."),
        pictures=pictures,
        url=reverse("hooks"),
        link=_("Deliveries"),
    )
