"""What figures are shown in: a table with its charts, and the same rows as a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from partnerhub.web.charts import SERIES, Chart, Column, stacked
from partnerhub.web.export import Value
from partnerhub.web.templatetags.hub import absolute, day_text
from publishers.words import duration_words, milliseconds_words, share_words
from subscriptions.insight import Grain, Span

ROWS_SHOWN = 200
# Above it a latency is no longer told in seconds.
_LONG = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column; `unit` is that of the file's values, where the page uses words."""

    label: str
    number: bool = True
    unit: str = ""

    @property
    def in_file(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, slots=True)
class Cell:
    """What the page says, and what the file holds; `url` leads to the rows behind it."""

    text: str
    value: Value
    url: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart of the table's figures; `series` is its legend."""

    title: str
    chart: Chart
    series: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`empty` says why there are no rows. `url` leads to the list of all that counts."""

    title: str
    headings: Sequence[Heading]
    rows: list[list[Cell]]
    empty: str
    note: str = ""
    pictures: Sequence[Picture] = field(default=())
    url: str = ""
    link: str = ""

    @property
    def shown(self) -> list[list[tuple[Heading, Cell]]]:
        """The rows that the page has room for, each cell with its heading."""
        return [list(zip(self.headings, row, strict=True)) for row in self.rows[:ROWS_SHOWN]]

    @property
    def left(self) -> int:
        """How many rows only the file holds."""
        return max(len(self.rows) - ROWS_SHOWN, 0)

    @property
    def file_headings(self) -> list[str]:
        return [heading.in_file for heading in self.headings]

    @property
    def file_rows(self) -> list[list[Value]]:
        return [[cell.value for cell in row] for row in self.rows]


def named(text: str, url: str = "") -> Cell:
    return Cell(text, text, url)


def count(number: int, url: str = "") -> Cell:
    return Cell(number_format(number), number, url if number else "")


def share(part: float | None) -> Cell:
    """0 to 1, in the file with four decimals."""
    return Cell(share_words(part), None if part is None else Decimal(f"{part:.4f}"))


def lasting(duration: timedelta | None) -> Cell:
    """In the file in whole seconds."""
    if duration is None:
        return Cell("–", None)
    return Cell(duration_words(duration), round(duration.total_seconds()))


def latency(duration: timedelta | None) -> Cell:
    """In the file in whole milliseconds."""
    if duration is None:
        return Cell("–", None)
    milliseconds = round(duration / timedelta(milliseconds=1))
    return Cell(milliseconds_words(milliseconds) if duration < _LONG else duration_words(duration), milliseconds)


def moment(at: datetime | None, otherwise: str = "–") -> Cell:
    return Cell(absolute(at), at) if at else Cell(otherwise, None)


def in_part(part: Span, grain: Grain, url: str = "") -> Cell:
    """The first cell of a row about a day, a week or a month; in the file its first day."""
    return Cell(part_words(part, grain), part.first, url)


def part_words(part: Span, grain: Grain) -> str:
    if grain == Grain.MONTH:
        return date_format(part.first, "F Y")
    first = day_text(part.first)
    return first if grain == Grain.DAY else f"{first} – {day_text(part.last)}"


def part_heading(grain: Grain) -> Heading:
    labels = {Grain.DAY: _("Day"), Grain.WEEK: _("Week"), Grain.MONTH: _("Month")}
    return Heading(labels[grain], number=False)


def part_label(part: Span, grain: Grain) -> str:
    """As short as it must be below a bar."""
    return date_format(part.first, "M" if grain == Grain.MONTH else "j M")


def spread_headings(unit: str) -> list[Heading]:
    return [Heading(name, unit=unit) for name in ("p50", "p90", "p99")]


def spread_series() -> list[dict[str, Any]]:
    """The legend of `spread_picture`."""
    names = [_("50 of 100 within"), _("90 of 100 within"), _("99 of 100 within")]
    return [{"number": number, "name": name} for number, name in enumerate(names)]


def spread_picture(title: str, bars: Iterable[tuple[Cell, str, Sequence[Cell]]]) -> Picture:
    """Stacked bars of (what the bar stands for, its label, the cells of p50, p90 and p99)."""
    columns = []
    for what, label, cells in bars:
        values = [Decimal(cell.value if isinstance(cell.value, int) else 0) for cell in cells]
        steps = [value - before for value, before in zip(values, [Decimal(0), *values], strict=False)]
        told = " · ".join(f"{name} {cell.text}" for name, cell in zip(("p50", "p90", "p99"), cells, strict=True))
        columns.append(Column(label, f"{what.text}: {told}", steps))
    return Picture(title, stacked(columns), spread_series())


def count_picture(
    title: str, bars: Iterable[tuple[Cell, str, Sequence[int]]], names: Sequence[str], urls: Sequence[str] = ()
) -> Picture:
    """Stacked counts of (what the bar stands for, its label, one number a name)."""
    columns = []
    for what, label, numbers in bars:
        told = " · ".join(f"{name} {number_format(n)}" for name, n in zip(names, numbers, strict=True) if n)
        columns.append(Column(label, f"{what.text}: {told or '0'}", [Decimal(number) for number in numbers]))
    links = urls or [""] * len(names)
    series = [
        {"number": min(place, SERIES - 1), "name": name, "url": url}
        for place, (name, url) in enumerate(zip(names, links, strict=True))
    ]
    return Picture(title, stacked(columns), series)
