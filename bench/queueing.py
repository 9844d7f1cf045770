"""Queues in closed form: what a set of stations lets through, and how long one waits for a free place. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial


def through(stations: Sequence[tuple[float, int]], places: int, think: float) -> float:
    """How many a second a closed network lets through: `places` in it, each away for `think` seconds (the publisher),
    then in turn at every station for its demand in seconds; stations come as a demand and how many are alike. Exact
    mean value analysis; no places let nothing through.
    """
    queues, rate = [0.0] * len(stations), 0.0
    for number in range(1, places + 1):
        seconds = [demand * (1 + queue) for (demand, _), queue in zip(stations, queues, strict=True)]
        rate = number / (think + sum(one * alike for one, (_, alike) in zip(seconds, stations, strict=True)))
        queues = [rate * one for one in seconds]
    return rate


@dataclass(frozen=True, slots=True)
class Box:
    """One machine on which workers share the processors with all else. Both in seconds for one question: what one
    worker's process takes for itself, and what all processes together take of the machine.
    """

    own: float
    shared: float
    places: int
    think: float

    def rate(self, workers: int) -> float:
        """Questions a second of so many workers, which share the places."""
        return through([(self.own / workers, workers), (self.shared, 1)], self.places, self.think)


def fitted(rates: dict[int, float], *, places: int, think: float) -> Box:
    """The machine that comes to what was measured with the fewest and with the most workers: two numbers, fitted to two
    points. Whatever was measured between is a prediction. Raises ValueError with fewer than two points.
    """
    if len(rates) < 2:
        raise ValueError(f"{len(rates)} points: two are needed, and a third to judge by")
    few, many = min(rates), max(rates)
    box = Box(1 / rates[few], 1 / rates[many], places, think)
    for _ in range(6):
        box = replace(box, own=_where(partial(_slowed, box, "own", few), rates[few]))
        box = replace(box, shared=_where(partial(_slowed, box, "shared", many), rates[many]))
    return box


def _slowed(box: Box, what: str, workers: int, demand: float) -> float:
    """What comes through when one of its two demands is another."""
    other = replace(box, own=demand) if what == "own" else replace(box, shared=demand)
    return other.rate(workers)


def _where(rate: Callable[[float], float], wanted: float) -> float:
    """The demand, at most a second, with which it comes to what is wanted: the more is demanded, the less comes."""
    least, most = 1e-7, 1.0
    while most / least > 1.0001:
        middle = math.sqrt(least * most)
        least, most = (middle, most) if rate(middle) > wanted else (least, middle)
    return least


def waits(arrivals: float, seconds: float, places: int) -> float:
    """The mean wait in seconds for one of `places` that each take `seconds` (Erlang C); infinite with too few."""
    load = arrivals * seconds
    if load >= places:
        return math.inf
    blocked = 1.0
    for number in range(1, places + 1):
        blocked = load * blocked / (number + load * blocked)
    busy = blocked / (1 - load / places * (1 - blocked))
    return busy * seconds / (places - load)


def largest_share(members: int) -> float:
    """The part of the largest of so many, whose sizes fall as one over their rank (Zipf)."""
    return 1 / sum(1 / rank for rank in range(1, members + 1))
