"""Ratios of what was measured in the same round, with their spread over the rounds, said and kept as JSON."""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

Spread = dict[str, float]


class HasRate(Protocol):
    @property
    def rate(self) -> float: ...


def spread(seen: Sequence[float]) -> Spread:
    """The median over the rounds, the least and the most."""
    return {"median": round(statistics.median(seen), 3), "least": round(min(seen), 3), "most": round(max(seen), 3)}


def ratios(rounds: Sequence[Mapping[str, HasRate]], named: Mapping[str, tuple[str, str]]) -> dict[str, Spread]:
    """The rate of one over that of another, by name, of each pair that was measured together."""
    found = {}
    for name, (over, under) in named.items():
        seen = [one[over].rate / one[under].rate for one in rounds if over in one and under in one]
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
