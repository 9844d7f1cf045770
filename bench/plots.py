"""Plots as SVG files of their own, readable on light and dark ground: bars of ratios, and lines that grow."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 760
BAR, GAP, TOP = 16, 6, 34
LABELS = 380
LINES = ("#0b6bcb", "#c2410c", "#15803d", "#9333ea", "#a16207", "#be123c", "#0e7490", "#64748b")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2937}.quiet{fill:#6b7280}.axis{stroke:#9ca3af}"
    ".met{fill:#15803d}.missed{fill:#b45309}.mark{stroke:#1f2937;stroke-width:2}"
    "@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.quiet{fill:#9ca3af}.axis{stroke:#6b7280}"
    ".met{fill:#4ade80}.missed{fill:#fbbf24}.mark{stroke:#e5e7eb}}"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A goal: how many times its floor was reached, and how many times the floor its stretch is (0: has none)."""

    label: str
    reached: float
    stretch: float = 0.0


def bars(title: str, given: Sequence[Bar]) -> str:
    """Each goal beside its floor, on a logarithmic scale: to the right of the line it is met; a mark is its stretch."""
    most = max([2.0, *(max(one.reached, one.stretch) for one in given)])
    least = min([0.5, *(one.reached for one in given)])

    def x(value: float) -> float:
        share = (math.log(max(value, least)) - math.log(least)) / (math.log(most) - math.log(least))
        return LABELS + share * (WIDTH - LABELS - 60)

    height = TOP + len(given) * (BAR + GAP) + 10
    parts = [_text(0, 14, title, "")]
    for number, one in enumerate(given):
        y = TOP + number * (BAR + GAP)
        met = one.reached >= 1
        left, right = sorted((x(1), x(one.reached)))
        parts.append(_text(0, y + 12, one.label, "" if met else "quiet"))
        kind = "met" if met else "missed"
        parts.append(f'<rect class="{kind}" x="{left:.1f}" y="{y}" width="{max(1, right - left):.1f}" height="{BAR}"/>')
        parts.append(_text(x(max(1, one.reached, one.stretch)) + 6, y + 12, f"{one.reached:.2g} ×", ""))
        if one.stretch:
            parts.append(_line(x(one.stretch), y - 2, x(one.stretch), y + BAR + 2, "mark"))
    parts.append(_line(x(1), TOP - 6, x(1), height - 6, "axis"))
    return _svg(height, title, parts)


def lines(title: str, of: str, given: Mapping[str, Mapping[float, float]]) -> str:
    """Each line by `at`: how many times its value at the least of them it is; both axes are logarithmic."""
    times = {name: _relative(points) for name, points in given.items()}
    places = sorted({at for points in given.values() for at in points})
    values = [value for points in times.values() for value in points.values()]
    low, high = min([0.5, *values]), max([2.0, *values])
    height, left, right, bottom = 300, 46, 470, 250

    def x(at: float) -> float:
        return left + _share(at, places[0], places[-1]) * (right - left)

    def y(value: float) -> float:
        return bottom - _share(value, low, high) * (bottom - TOP)

    parts = [_text(0, 14, title, ""), _text(left, height - 8, of, "quiet")]
    parts += [_text(x(at) - 12, bottom + 18, _short(at), "quiet") for at in places]
    for value in (low, 1.0, high):
        parts += [_line(left, y(value), right, y(value), "axis"), _text(0, y(value) + 4, f"{value:.2g} ×", "quiet")]
    # Names stand beside the ends of their lines, in their order, and not upon each other.
    ends = sorted(times, key=lambda name: -times[name][max(times[name])])
    for place, name in enumerate(ends):
        colour, points = LINES[place % len(LINES)], times[name]
        path = " ".join(f"{x(at):.1f},{y(points[at]):.1f}" for at in sorted(points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        row = TOP + 10 + place * 18
        parts.append(f'<rect x="{right + 14}" y="{row - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(right + 30, row, f"{name}: {points[max(points)]:.2g} ×", ""))
    return _svg(height, title, parts)


def _relative(points: Mapping[float, float]) -> dict[float, float]:
    first = points[min(points)]
    return {at: value / first for at, value in points.items()}


def _share(value: float, low: float, high: float) -> float:
    return (math.log(value) - math.log(low)) / ((math.log(high) - math.log(low)) or 1)


def _short(number: float) -> str:
    if number >= 1_000_000:
        return f"{number / 1_000_000:g} M"
    return f"{number / 1000:g} k" if number >= 1000 else f"{number:g}"


def _text(x: float, y: float, words: str, kind: str) -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(height: int, title: str, parts: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title><style>{_STYLE}</style>", *parts, "</svg>", ""])
