"""The models of docs/scaling.md, where the answer is known in closed form."""

import json
import math

import pytest

from bench.queueing import Box, fitted, largest_share, through, waits
from bench.scaling import COSTS, MARKS, Cost, Wall, World, cores, costs_of, report, walls, written


def test_a_closed_network_is_bound_by_its_places_and_by_its_slowest_station():
    assert through([(0.01, 1)], 1, 0.09) == pytest.approx(10)
    assert through([(0.01, 1)], 3, 0.0) == pytest.approx(100)
    assert through([(0.001, 1), (0.004, 2)], 500, 0.05) == pytest.approx(250, rel=0.01)
    assert through([(0.001, 1)], 0, 0.05) == 0


def test_a_fit_finds_the_machine_that_was_measured():
    machine = Box(own=0.0019, shared=0.0007, places=100, think=0.05)
    found = fitted({workers: machine.rate(workers) for workers in (1, 2, 4, 8)}, places=100, think=0.05)

    assert [found.rate(workers) for workers in (1, 2, 4, 8)] == pytest.approx(
        [machine.rate(workers) for workers in (1, 2, 4, 8)], rel=0.01
    )
    with pytest.raises(ValueError, match="1 points"):
        fitted({1: 500.0}, places=100, think=0.05)


def test_waits_are_those_of_erlang():
    assert waits(0.5, 1.0, 1) == pytest.approx(1.0)  # M/M/1: load / (rate of service - arrivals)
    assert waits(1.0, 1.0, 2) == pytest.approx(1 / 3)
    assert waits(2.0, 1.0, 2) == math.inf
    assert largest_share(3) == pytest.approx(6 / 11)


def test_a_wall_stands_where_a_limit_is_used_up_whatever_was_asked_of():
    small, large = (walls(World(size)) for size in (1_000_000, 100_000_000))

    assert Wall("", asked=50, gives=100, moved_by="").stands_at(1000) == 1600
    assert [one.what for one in small] == [one.what for one in large]
    assert [one.stands_at(1_000_000) for one in small] == pytest.approx([one.stands_at(100_000_000) for one in large])
    assert cores(World(2_000_000), COSTS)["web"] == pytest.approx(2 * cores(World(1_000_000), COSTS)["web"])


def test_figures_of_a_measurement_take_the_place_of_ours_and_the_page_is_written_anew(tmp_path):
    box = Box(own=0.0019, shared=0.0005, places=500, think=0.05)
    rates = [
        {"what": "confirmed", "unit": "1/s", "at": at, "of": "workers", "median": box.rate(at)} for at in (1, 2, 4)
    ]
    own = {"what": "hub x 1: CPU of 1000", "unit": "s", "median": 2.94}
    told = {"polling": {"absolute": [*rates, own]}}
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{MARKS[0]}old\n{MARKS[1]}\nafter", encoding="utf-8")

    lines = list(report(World(1_000_000), json.loads(json.dumps(told)), places=500, think=0.05))
    written(page, lines)

    assert costs_of(told)["confirmation"] == Cost(pytest.approx(1.88), pytest.approx(1.06), "polling.json, together")
    assert f"| 2 | {box.rate(2):.0f} | {box.rate(2):.0f} | -0% |".replace("-0", "+0") in [
        line.replace("-0%", "+0%") for line in lines
    ]
    assert page.read_text(encoding="utf-8").startswith(f"Before\n{MARKS[0]}confirmed: each takes")
    assert page.read_text(encoding="utf-8").endswith(f"{MARKS[1]}\nafter")
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="no place"):
        written(page, lines)
