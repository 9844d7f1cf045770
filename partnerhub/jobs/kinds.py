"""The kinds of jobs there are. The apps above register theirs, as they do handlers of events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from accounts.policy import Actor
from partnerhub.jobs.models import Job, JobRow


@dataclass(frozen=True, slots=True)
class Planned:
    """What a rehearsal of one row showed, as JSON; `changes` is false where everything is so already."""

    plan: dict[str, Any] = field(default_factory=dict)
    changes: bool = True


@dataclass(frozen=True, slots=True)
class Now:
    """One line of a plan in the reader's language: now → new, and what goes with it."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Telling:
    """A row in the reader's language: where its subject is, what changes, and what else to know."""

    url: str
    changes: Sequence[Now] = ()
    notes: Sequence[str] = ()


class Kind(Protocol):
    """What a kind of job does with a row. Whatever is refused is raised as a HubError."""

    name: str

    def authorize(self, actor: Actor, job: Job) -> None:
        """Raise NotPermitted unless the actor's role may do this at all."""

    def plan(self, actor: Actor, row: JobRow, *, at: datetime) -> Planned:
        """Rehearse the row and leave nothing of it behind."""

    def apply(self, actor: Actor, row: JobRow, *, at: datetime) -> dict[str, Any]:
        """Do the row, in the transaction of the caller, provided that nothing has moved since the plan.

        Returns what the row keeps of its result, as JSON.
        """

    def phrase(self, job: Job) -> str:
        """What a person must type to confirm a planned job; empty where pressing the button is enough."""

    def title(self, job: Job) -> str:
        """What the job does, in the reader's language."""

    def button(self, job: Job, rows: int) -> str:
        """What confirming does to so many rows, in the reader's language."""

    def is_final(self, job: Job) -> bool:
        """Whether what the job does cannot be taken back: its button looks like danger."""

    def headings(self) -> tuple[str, str]:
        """What the subject and the owner of a row are called, in the reader's language."""

    def tell(self, row: JobRow) -> Telling:
        """The row in the reader's language."""

    def summary(self, job: Job) -> Sequence[str]:
        """What the whole plan comes to, in the reader's language."""

    def again(self, actor: Actor, job: Job, *, at: datetime) -> Job:
        """A new plan of what a job that is over has left undone."""


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Let jobs of this kind be planned and worked."""
    _kinds[kind.name] = kind


def kind_of(job: Job) -> Kind:
    """The kind of a job. Raises LookupError for one that this version no longer has."""
    try:
        return _kinds[job.kind]
    except KeyError:
        raise LookupError(f"there is no kind of job {job.kind}") from None
