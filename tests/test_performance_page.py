"""The table and the plots of docs/performance.md are those of the figures in docs/performance.json."""

import json
import re

from bench import report
from bench.__main__ import HERE, SMALL, sentence
from bench.figures import Absolute, Ratio, written


def test_the_table_and_the_plots_are_made_from_the_figures_that_are_kept():
    told = report.kept()
    page = report.PAGE.read_text(encoding="utf-8")
    plots = {path.stem: path.read_text(encoding="utf-8") for path in report.IMAGES.glob(f"{report.PREFIX}*.svg")}

    assert page.partition(report.BEGINS)[2].partition(report.ENDS)[0] == report.section(told)
    assert plots == {name: svg for name, (_title, svg) in report.plots(told).items()}


def test_what_a_measurement_leaves_becomes_a_row_a_bar_and_a_line(tmp_path, capsys):
    ratios = [
        Ratio("B1", "page 1, 100k ÷ 10k", [1.2, 1.4, 1.1], 1.5, 1.3, "lower"),
        Ratio("C1", "hub ÷ one statement", [0.3, 0.4, 0.39], 0.65, 1.4),
        Ratio("", "hub ÷ naive", [3.2]),
    ]
    grown = [Absolute("page 1", "ms", [ms], at=at, of="subscriptions") for at, ms in ((10_000, 10), (100_000, 12))]
    written(tmp_path / "lists.json", "lists", conditions={"cores": 2}, ratios=ratios, absolute=grown)
    before = {"lists": {"ratios": []}, "older": json.loads((tmp_path / "lists.json").read_text()) | {"rounds": 3}}

    told = report.gathered(tmp_path, before)

    assert list(told) == ["lists", "older"]
    assert report.section({"lists": told["lists"]}).splitlines()[3:6] == [
        "| B1 | page 1, 100k ÷ 10k | ≤ 1.5 | ≤ 1.3 | 1.2 | 1.1 to 1.4 | stretch met |",
        "| C1 | hub ÷ one statement | ≥ 0.65 | ≥ 1.4 | 0.39 | 0.3 to 0.4 | **missed** |",
        "|  | hub ÷ naive |  |  | 3.2 | 3.2 to 3.2 |  |",
    ]
    plots = report.plots({"lists": told["lists"]})
    assert list(plots) == ["performance-goals", "performance-lists-subscriptions-ms"]
    assert re.findall(r'class="(met|missed)"', plots["performance-goals"][1]) == ["met", "missed"]
    assert "page 1: 1.2 ×" in plots["performance-lists-subscriptions-ms"][1]
    assert "floor 0.65: MISSED" in capsys.readouterr().out


def test_every_measurement_of_the_suite_is_there_and_says_what_it_measures():
    assert {name: (HERE / f"{name}.py").is_file() for name in SMALL} == dict.fromkeys(SMALL, True)
    assert [name for name in SMALL if not sentence(name)] == []
