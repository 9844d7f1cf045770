"""The table and the plots of docs/performance.md: `python -m bench.report DIR`, from what measurements left in DIR.

Figures of those that are not in DIR stay as they were: docs/performance.json keeps the last of each.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.figures import say
from bench.plots import Bar, bars, lines

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "docs" / "performance.json"
PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
PREFIX = "performance-"
BEGINS, ENDS = "<!-- measured -->", "<!-- /measured -->"
MOST_LINES = 8
Told = dict[str, Any]


def gathered(folder: Path, before: dict[str, Told]) -> dict[str, Told]:
    """What each measurement told last, by name, without its single rounds."""
    found = dict(before)
    for path in sorted(folder.glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(told, dict) and {"bench", "ratios", "absolute"} <= told.keys():
            told["rounds"] = max([len(one["rounds"]) for one in told["ratios"]], default=1)
            told["ratios"] = [{name: one[name] for name in one if name != "rounds"} for one in told["ratios"]]
            found[told["bench"]] = told
    return dict(sorted(found.items()))


def section(told: dict[str, Told]) -> str:
    """What stands between the marks: a table of all ratios, their plots, and what they were taken on."""
    rows = sorted(
        ((one, bench) for bench, all_of_it in told.items() for one in all_of_it["ratios"]),
        key=lambda row: (not row[0]["goal"], row[0]["goal"], row[1]),
    )
    table = ["| goal | ratio | floor | stretch | measured | spread | |", "|---|---|---|---|---|---|---|"]
    table += [_row(one, bench) for one, bench in rows]
    images = [f"![{title}](images/{name}.svg)" for name, (title, _svg) in plots(told).items()]
    return "\n".join(["", *table, "", *images, "", *map(_conditions, told.values()), ""])


def plots(told: dict[str, Told]) -> dict[str, tuple[str, str]]:
    """By the name of its file: a plot's title and SVG."""
    goals = [one for bench in told.values() for one in bench["ratios"] if one["goal"] and one["floor"]]
    goals.sort(key=lambda one: one["goal"])
    found = {}
    if goals:
        title = "How many times its floor each goal reached; the mark is its stretch"
        found[f"{PREFIX}goals"] = (title, bars(title, [_bar(one) for one in goals]))
    for bench, of, unit, series in _series(told):
        title = f"{bench}: {unit} by {of}, as a multiple of the least"
        found["-".join([f"{PREFIX}{bench}", of, *unit.replace("/", " ").split()])] = (title, lines(title, of, series))
    return found


def _series(told: dict[str, Told]) -> Iterator[tuple[str, str, str, dict[str, dict[float, float]]]]:
    for bench, all_of_it in told.items():
        by: dict[tuple[str, str], dict[str, dict[float, float]]] = {}
        for one in all_of_it["absolute"]:
            if "at" in one and one["median"] > 0:
                points = by.setdefault((one["of"], one["unit"]), {}).setdefault(one["what"], {})
                points[one["at"]] = one["median"]
        for (of, unit), series in by.items():
            grown = {name: points for name, points in series.items() if len(points) > 1}
            if grown:
                yield bench, of, unit, dict(sorted(grown.items(), key=_growth, reverse=True)[:MOST_LINES])


def _growth(named: tuple[str, dict[float, float]]) -> float:
    """How much a line grows: where there are too many lines, the steepest are shown."""
    points = named[1]
    return points[max(points)] / points[min(points)]


def _bar(one: Told) -> Bar:
    higher = one["better"] == "higher"
    reached = one["median"] / one["floor"] if higher else one["floor"] / max(one["median"], 1e-9)
    stretch = one["stretch"] or 0.0
    beyond = (stretch / one["floor"] if higher else one["floor"] / stretch) if stretch else 0.0
    return Bar(f"{one['goal']} {one['what']}"[:62], reached, beyond)


def _row(one: Told, bench: str) -> str:
    sign = "≥" if one["better"] == "higher" else "≤"
    bounds = [f"{sign} {one[name]:g}" if one[name] is not None else "" for name in ("floor", "stretch")]
    spread = f"{one['low']:.3g} to {one['high']:.3g}"
    cells = [one["goal"], one["what"], *bounds, f"{one['median']:.3g}", spread, _verdict(one)]
    return f"| {' | '.join(cells)} |"


def _verdict(one: Told) -> str:
    if one["floor"] is None:
        return ""

    def met(bound: float) -> bool:
        return bool(one["median"] >= bound if one["better"] == "higher" else one["median"] <= bound)

    if not met(one["floor"]):
        return "**missed**"
    return "stretch met" if one["stretch"] is not None and met(one["stretch"]) else "met"


def _conditions(told: Told) -> str:
    said = ", ".join(f"{name} {value}" for name, value in told["conditions"].items())
    return f"- `bench.{told['bench']}`: {told['rounds']} rounds; {said}"


def written(told: dict[str, Told]) -> None:
    """Write the figures, the page's section and the plots; plots of before that are no more go."""
    KEPT.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGINS)
    PAGE.write_text(head + BEGINS + section(told) + ENDS + rest.partition(ENDS)[2], encoding="utf-8")
    for path in IMAGES.glob(f"{PREFIX}*.svg"):
        path.unlink()
    for name, (_title, svg) in plots(told).items():
        (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


def kept() -> dict[str, Told]:
    """What the page was last made from; nothing before the first time."""
    found: dict[str, Told] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the table and the plots of docs/performance.md.")
    parser.add_argument("folder", type=Path, help="what `python -m bench all --json` wrote")
    told = gathered(parser.parse_args().folder, kept())
    written(told)
    say(f"{PAGE.relative_to(ROOT)}: {sum(len(one['ratios']) for one in told.values())} ratios of {len(told)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
