"""Reading jobs, as far as an actor may see them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet

from accounts.policy import Action, Actor
from partnerhub.errors import NotFound
from partnerhub.jobs.enums import LEFT_ROWS, OPEN_ROWS, RowStatus
from partnerhub.jobs.models import Job, JobRow


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of a job are in which status."""

    rows: Counter[str]

    def __getitem__(self, status: RowStatus) -> int:
        return self.rows[status.value]

    @property
    def total(self) -> int:
        return self.rows.total()

    @property
    def planned(self) -> int:
        return self.total - self[RowStatus.UNPLANNED]

    @property
    def open(self) -> int:
        return sum(self[status] for status in OPEN_ROWS)

    @property
    def to_do(self) -> int:
        """Rows that were allowed and are not final yet."""
        return self[RowStatus.PENDING] + self[RowStatus.RUNNING]

    @property
    def worked(self) -> int:
        """Rows that are final."""
        return self.total - self.open

    @property
    def failed(self) -> int:
        return self[RowStatus.FAILED]

    @property
    def left(self) -> int:
        """Rows that were not done: once the job is over they can be planned again."""
        return sum(self[status] for status in LEFT_ROWS)


def jobs_visible_to(actor: Actor) -> QuerySet[Job]:
    """The jobs an actor may see, newest first: everybody their own, who oversees jobs all of them."""
    jobs = Job.objects.order_by("-created_at", "-id")
    if actor.may(Action.JOB_OVERSEE):
        return jobs
    return jobs.filter(actor_kind=actor.kind, actor_id=actor.id)


def job_for(actor: Actor, job_id: UUID) -> Job:
    """One visible job. Raises NotFound, for one out of scope too."""
    job = jobs_visible_to(actor).filter(pk=job_id).first()
    if job is None:
        raise NotFound(what="job", id=job_id)
    return job


def tally_of(job: Job) -> Tally:
    """How far a job is."""
    return tallies_of([job])[job.pk]


def tallies_of(jobs: Iterable[Job]) -> dict[UUID, Tally]:
    """How far each of some jobs is, in one query."""
    counted: dict[UUID, Counter[str]] = {job.pk: Counter() for job in jobs}
    rows = JobRow.objects.filter(job__in=counted).values_list("job", "status").annotate(n=Count("pk"))
    for job_id, status, n in rows.order_by():
        counted[job_id][status] += n
    return {job_id: Tally(rows) for job_id, rows in counted.items()}
