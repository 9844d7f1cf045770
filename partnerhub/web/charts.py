"""Bars as SVG: where each rectangle lies. Pure; templates/components/chart.html draws them beside their table."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

SERIES = 6
HEIGHT = 100
STEP = 10
WIDTH = 7
# As many as have room side by side.
LABELS = 12


@dataclass(frozen=True, slots=True)
class Column:
    """What stands above one label: a value for each series, those below zero downwards; `title` tells it in words."""

    label: str
    title: str
    values: Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in units of the chart; `series` from 0 gives its colour."""

    x: int
    y: str
    height: str
    series: int
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, stacked, in a box `width` × `height`; `zero` is the height of the line that they stand on."""

    width: int
    height: int
    zero: str
    bars: list[Bar]
    labels: list[str]


def stacked(columns: Sequence[Column]) -> Chart:
    """The values of each column one upon the other, all on one scale; of many columns only some keep their label."""
    above = max((_sum(column, up=True) for column in columns), default=Decimal(0))
    below = max((_sum(column, up=False) for column in columns), default=Decimal(0))
    scale = HEIGHT / (above + below) if above + below else Decimal(0)
    zero = above * scale
    bars = [bar for number, column in enumerate(columns) for bar in _bars(number, column, zero, scale)]
    every = -(-len(columns) // LABELS)
    labels = [column.label if number % every == 0 else "" for number, column in enumerate(columns)]
    return Chart(len(columns) * STEP, HEIGHT, _text(zero), bars, labels)


def _sum(column: Column, *, up: bool) -> Decimal:
    return sum((abs(value) for value in column.values if (value > 0) == up), Decimal(0))


def _bars(number: int, column: Column, zero: Decimal, scale: Decimal) -> list[Bar]:
    bars, top, bottom = [], zero, zero
    x = number * STEP + (STEP - WIDTH) // 2
    for series, value in enumerate(column.values):
        height = abs(value) * scale
        y = top - height if value > 0 else bottom
        top, bottom = (y, bottom) if value > 0 else (top, bottom + height)
        if height:
            bars.append(Bar(x, _text(y), _text(height), min(series, SERIES - 1), column.title))
    return bars


def _text(number: Decimal) -> str:
    """A number as SVG reads it in any language."""
    return f"{number:.2f}"
