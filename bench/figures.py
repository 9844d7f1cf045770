"""Ratios of what was measured in the same round, with their spread over the rounds, said and kept as JSON.

What every measurement leaves behind has one shape, which `bench.report` reads: see `written`.
"""

import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

Spread = dict[str, float]


class HasRate(Protocol):
    @property
    def rate(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Ratio:
    """One ratio, once a round. `goal` is the number in the list of goals, or empty; so are bounds that nobody set."""

    goal: str
    what: str
    rounds: Sequence[float]
    floor: float | None = None
    stretch: float | None = None
    better: Literal["higher", "lower"] = "higher"

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def reaches(self, bound: float | None) -> bool | None:
        """Whether the median is as good as the bound; None without a bound."""
        if bound is None:
            return None
        return self.median >= bound if self.better == "higher" else self.median <= bound

    def as_json(self) -> dict[str, Any]:
        told = {"goal": self.goal, "what": self.what, "floor": self.floor, "stretch": self.stretch}
        return told | {"better": self.better, "rounds": _rounded(self.rounds)} | _spread(self.rounds)


@dataclass(frozen=True, slots=True)
class Absolute:
    """What one way measured by itself, once a round: true of this machine alone.

    Those of one `what` and `unit` with different `at` are a line of a plot: `at` so many `of` ("subscriptions" or
    "workers", say).
    """

    what: str
    unit: str
    rounds: Sequence[float]
    at: float | None = None
    of: str = ""

    def as_json(self) -> dict[str, Any]:
        place = {} if self.at is None else {"at": self.at, "of": self.of}
        return {"what": self.what, "unit": self.unit} | place | _spread(self.rounds)


def conditions(**more: Any) -> dict[str, Any]:
    """What a measurement was taken on, and how busy that was as it began; `more` says how large it was."""
    found = {"cores": len(os.sched_getaffinity(0)), "load": round(os.getloadavg()[0], 1)}
    return found | {"python": platform.python_version()} | more


def written(
    path: Path | None,
    bench: str,
    *,
    conditions: Mapping[str, Any],
    ratios: Sequence[Ratio] = (),
    absolute: Sequence[Absolute] = (),
) -> None:
    """Say every ratio and figure; write them to a file where one is named."""
    for one in ratios:
        name, bound = f"{one.goal} {one.what}".strip(), _bounds(one)
        say(f"{name:<58}{one.median:>9.3g}   [{min(one.rounds):.3g} .. {max(one.rounds):.3g}]{bound}")
    for each in absolute:
        name = each.what if each.at is None else f"{each.what}, {each.at:,.0f} {each.of}"
        median = statistics.median(each.rounds)
        say(f"{name:<58}{median:>9.4g} {each.unit} [{min(each.rounds):.4g} .. {max(each.rounds):.4g}]")
    if path:
        told = {"bench": bench, "conditions": dict(conditions), "ratios": [one.as_json() for one in ratios]}
        told["absolute"] = [each.as_json() for each in absolute]
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def together(rounds: Sequence[Mapping[str, Any]], over: str, under: str, what: str = "rate") -> list[float]:
    """One way's `what` over another's in each round that measured both; empty when none did."""
    return [getattr(one[over], what) / getattr(one[under], what) for one in rounds if over in one and under in one]


def spread(seen: Sequence[float]) -> Spread:
    """The median over the rounds, the least and the most."""
    return {"median": round(statistics.median(seen), 3), "least": round(min(seen), 3), "most": round(max(seen), 3)}


def ratios(rounds: Sequence[Mapping[str, HasRate]], named: Mapping[str, tuple[str, str]]) -> dict[str, Spread]:
    """The rate of one over that of another, by name, of each pair that was measured together."""
    found = {}
    for name, (over, under) in named.items():
        seen = together(rounds, over, under)
        if seen:
            found[name] = spread(seen)
    return found


def tell(found: Mapping[str, Spread], rounds: Sequence[Mapping[str, Any]], path: Path | None) -> None:
    """Say every ratio; write them and all that was measured to a file where one is named."""
    for name, one in found.items():
        say(f"{name:<42}{one['median']:>8.2f}   [{one['least']:.2f} .. {one['most']:.2f}]")
    if path:
        told = [{name: vars(measured) for name, measured in one.items()} for one in rounds]
        path.write_text(json.dumps({"ratios": found, "rounds": told}, indent=2), encoding="utf-8")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _bounds(one: Ratio) -> str:
    if one.floor is None:
        return ""
    met = "stretch met" if one.reaches(one.stretch) else "met" if one.reaches(one.floor) else "MISSED"
    return f"   floor {one.floor:g}: {met}"


def _spread(seen: Sequence[float]) -> Spread:
    return {"median": _short(statistics.median(seen)), "low": _short(min(seen)), "high": _short(max(seen))}


def _rounded(seen: Sequence[float]) -> list[float]:
    return [_short(one) for one in seen]


def _short(number: float) -> float:
    """Four digits that count: nothing measured here has more."""
    return float(f"{number:.4g}")
