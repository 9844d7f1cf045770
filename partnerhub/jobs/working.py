"""Working jobs off: a batch of rows is claimed under a lease, then each row is one transaction of its own.

What a row does and the mark that it is done are committed together, so a worker that dies between any two lines has
either done a row or not touched it. Its lease runs out and somebody else goes on. Only who still holds the lease works
the row, so several workers share one job.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.db import transaction
from django.db.models import Q

from partnerhub.clock import now
from partnerhub.errors import ActorLost, HubError, RowFailed
from partnerhub.jobs.enums import JobStatus, RowStatus
from partnerhub.jobs.kinds import kind_of
from partnerhub.jobs.models import JobRow
from partnerhub.jobs.services import acting_for, settle, stop_for, values_of

LEASE = timedelta(seconds=30)
BATCH = 20
MOST_ATTEMPTS = 3
TRY_AGAIN = timedelta(seconds=5)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A row under our lease."""

    row_id: int
    job_id: UUID
    lease: UUID


@transaction.atomic
def claim(at: datetime, *, job_id: UUID | None = None, limit: int = BATCH) -> list[Claim]:
    """Lease up to `limit` rows that wait to be planned or done, for LEASE from `at`; of one job only with `job_id`.

    Jobs take turns by row number: a short one does not wait until a long one is over.
    """
    planning = Q(status=RowStatus.UNPLANNED, job__status=JobStatus.PLANNING)
    running = Q(status__in=[RowStatus.PENDING, RowStatus.RUNNING], job__status=JobStatus.RUNNING)
    free = Q(lease_until=None) | Q(lease_until__lte=at)
    rows = JobRow.objects.filter(planning | running, free)
    if job_id is not None:
        rows = rows.filter(job_id=job_id)
    found = list(rows.select_for_update(skip_locked=True, of=("self",)).order_by("number", "id")[:limit])
    # A row whose worker died may be why: from then on nothing else shares its lease.
    taken = found[:1] if found and _is_suspect(found[0]) else [row for row in found if not _is_suspect(row)]
    lease = uuid4()
    for row in taken:
        row.attempts += row.lease is not None
        row.lease, row.lease_until = lease, at + LEASE
        row.status = row.status if row.status == RowStatus.UNPLANNED else RowStatus.RUNNING
    JobRow.objects.bulk_update(taken, ["lease", "lease_until", "status", "attempts"])
    return [Claim(row.pk, row.job_id, lease) for row in taken]


def _is_suspect(row: JobRow) -> bool:
    return row.lease is not None or row.attempts > 0


@dataclass(slots=True)
class Worker:
    """Works rows until none is left or `seconds` are over; what it claimed and did not begin it gives back."""

    seconds: float
    job_id: UUID | None = None
    clock: Callable[[], datetime] = now

    def run(self) -> int:
        """Returns how many rows were worked."""
        ends, worked = time.monotonic() + self.seconds, 0
        while time.monotonic() < ends and (claims := claim(self.clock(), job_id=self.job_id)):
            for index, claimed in enumerate(claims):
                if time.monotonic() >= ends:
                    _give_back(claims[index:])
                    break
                work(claimed, at=self.clock())
                worked += 1
            for job_id in {claimed.job_id for claimed in claims}:
                settle(job_id, at=self.clock())
        return worked


def work(claimed: Claim, *, at: datetime) -> None:
    """Plan or do one claimed row. A failure of the hub's own is kept on the row and tried again a few times."""
    try:
        _work(claimed, at)
    except ActorLost as reason:
        stop_for(claimed.job_id, reason, at=at)
    except Exception as error:  # one row that fails stops no other; it stays visible on its row
        log.exception("job_row_failed", job_id=str(claimed.job_id), row=claimed.row_id)
        _put_off(claimed, error, at)


@transaction.atomic
def _work(claimed: Claim, at: datetime) -> None:
    row = _held(claimed)
    if row is None:
        return
    if row.attempts >= MOST_ATTEMPTS:
        _fail(row, "WorkerLost", at)
        return
    if row.job.status not in (JobStatus.PLANNING, JobStatus.RUNNING):
        _release(row)
        return
    actor, kind = acting_for(row.job), kind_of(row.job)
    context = {"request_id": row.job.request_id, "correlation_id": str(row.job_id)}
    with structlog.contextvars.bound_contextvars(**context):
        try:
            with transaction.atomic():
                if row.status == RowStatus.UNPLANNED:
                    planned = kind.plan(actor, row, at=at)
                    row.plan = planned.plan
                    row.status = RowStatus.PENDING if planned.changes else RowStatus.SKIPPED
                else:
                    row.result = kind.apply(actor, row, at=at)
                    row.status = RowStatus.DONE
        except HubError as refusal:
            row.status, row.code, row.values = RowStatus.REFUSED, refusal.code, values_of(refusal)
    row.worked_at = None if row.status == RowStatus.PENDING else at
    row.lease = row.lease_until = None
    row.save(update_fields=["plan", "result", "status", "code", "values", "worked_at", "lease", "lease_until"])


def _held(claimed: Claim) -> JobRow | None:
    rows = JobRow.objects.select_for_update(of=("self",)).select_related("job")
    return rows.filter(pk=claimed.row_id, lease=claimed.lease).first()


def _release(row: JobRow) -> None:
    row.status = RowStatus.PENDING if row.status == RowStatus.RUNNING else row.status
    row.lease = row.lease_until = None
    row.save(update_fields=["status", "lease", "lease_until"])


def _give_back(claims: list[Claim]) -> None:
    for claimed in claims:
        with transaction.atomic():
            row = _held(claimed)
            if row is not None:
                _release(row)


@transaction.atomic
def _put_off(claimed: Claim, error: Exception, at: datetime) -> None:
    row = _held(claimed)
    if row is None:
        return
    row.attempts += 1
    if row.attempts >= MOST_ATTEMPTS:
        _fail(row, type(error).__name__, at)
        return
    row.lease, row.lease_until = None, at + TRY_AGAIN
    row.save(update_fields=["attempts", "lease", "lease_until"])


def _fail(row: JobRow, error: str, at: datetime) -> None:
    """It is over for this row, and it says so; the others of its job go on."""
    row.status, row.worked_at, row.lease, row.lease_until = RowStatus.FAILED, at, None, None
    row.code, row.values = RowFailed.code, {"error": error}
    row.save(update_fields=["attempts", "lease", "lease_until", "status", "code", "values", "worked_at"])
