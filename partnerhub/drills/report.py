"""What came of the drills: for people, and as JSON for programs."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from partnerhub.drills.audit import Figures


@dataclass(frozen=True)
class Outcome:
    """One drill. It `held` when every act was accounted for and nothing was found that must not be."""

    name: str
    what: str
    seed: str
    figures: Figures
    seconds: float
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        return not self.problems and self.figures.accounted == self.figures.asked


def sentence(outcome: Outcome) -> str:
    """One line about a drill, and one below for each problem."""
    figures = outcome.figures
    word = "held" if outcome.held else "FAILED"
    head = (
        f"{outcome.name}: {word}. {figures.accounted} of {figures.asked} acts accounted for "
        f"({figures.purchases} purchases, {figures.changes} changes, {figures.changes_refused} of them refused); "
        f"{figures.calls_in_vain} of {figures.calls} calls were in vain; {outcome.seconds:.0f} s, seed {outcome.seed}."
    )
    return "\n".join([head, *(f"  {problem}" for problem in outcome.problems)])


def document(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Everything, for `--json`."""
    drills = [asdict(outcome) | {"held": outcome.held} for outcome in outcomes]
    return {"held": all(drill["held"] for drill in drills), "drills": drills}


def summary(outcomes: list[Outcome]) -> Iterator[str]:
    """The last lines: how many held, and which did not."""
    failed = [outcome.name for outcome in outcomes if not outcome.held]
    asked, accounted = (sum(getattr(one.figures, name) for one in outcomes) for name in ("asked", "accounted"))
    held = len(outcomes) - len(failed)
    yield f"{held} of {len(outcomes)} drills held; operations in {asked}, accounted for {accounted}."
    if failed:
        yield f"Failed: {', '.join(failed)}."
