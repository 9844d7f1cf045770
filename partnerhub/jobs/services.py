"""What people do with jobs: order one, confirm its plan, pause, resume, retry, stop."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from accounts.models import Client, User
from accounts.policy import Action, Actor, Role, authorize
from partnerhub.errors import ActorLost, HubError, JobMovedOn, NotFound, NothingSelected, PhraseMismatch, TooManyRows
from partnerhub.jobs.enums import JobStatus, RowStatus
from partnerhub.jobs.events import JobConfirmed, JobFact, JobFinished, JobPaused, JobResumed, JobRetried, JobStopped
from partnerhub.jobs.kinds import Kind, kind_of
from partnerhub.jobs.models import Job, JobRow
from partnerhub.jobs.selectors import tally_of
from partnerhub.outbox.recorder import record

MOST_ROWS = 10_000
PLAN_KEPT = timedelta(days=7)
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row to be: what it concerns, what is asked of it, and what a plan knows before any rehearsal; `refusal` where
    that is certain from the start.
    """

    subject_id: UUID | None
    subject: str
    asked: dict[str, Any]
    owner: str = ""
    plan: dict[str, Any] = field(default_factory=dict)
    refusal: HubError | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A job to be."""

    kind: Kind
    asked: dict[str, Any]
    rows: Iterable[Wanted] = field(default_factory=list)


@transaction.atomic
def create_job(actor: Actor, order: Order, *, at: datetime) -> Job:
    """Freeze what was selected into the rows of a job, to be planned. Nothing is touched before it is confirmed.

    Raises NothingSelected, TooManyRows (over MOST_ROWS), NotPermitted.
    """
    rows = list(itertools.islice(order.rows, MOST_ROWS + 1))
    if not rows:
        raise NothingSelected
    if len(rows) > MOST_ROWS:
        raise TooManyRows(limit=MOST_ROWS)
    job = Job(kind=order.kind.name, asked=order.asked, created_at=at, **_snapshot(actor))
    order.kind.authorize(actor, job)
    job.save(force_insert=True)
    numbered = (_row(job, number, wanted, at) for number, wanted in enumerate(rows, start=1))
    JobRow.objects.bulk_create(numbered, batch_size=_BATCH)
    settle(job.pk, at=at)
    job.refresh_from_db()
    return job


@transaction.atomic
def confirm(actor: Actor, job_id: UUID, *, phrase: str = "", at: datetime) -> Job:
    """Let a planned job run, in the actor's name and role. Confirmed already: nothing happens.

    Raises PhraseMismatch unless `phrase` is the one that the plan asks for, JobMovedOn, NothingSelected where the plan
    has nothing to do, NotPermitted, NotFound.
    """
    job = _lock_own(actor, job_id)
    if job.confirmed_at is not None:
        return job
    _expect(job, JobStatus.PLANNED)
    kind_of(job).authorize(actor, job)
    if " ".join(phrase.split()) != job.phrase:
        raise PhraseMismatch(phrase=job.phrase)
    rows = tally_of(job)
    if not rows[RowStatus.PENDING]:
        raise NothingSelected
    for name, value in _snapshot(actor).items():
        setattr(job, name, value)
    job.status, job.confirmed_at = JobStatus.RUNNING, at
    job.save()
    _record(actor, job, JobConfirmed(job.pk, {"kind": job.kind, "rows": rows[RowStatus.PENDING]}), at)
    return job


@transaction.atomic
def pause(actor: Actor, job_id: UUID, *, at: datetime) -> Job:
    """Begin no further row. Raises JobMovedOn, NotFound."""
    return _move(actor, job_id, JobStatus.RUNNING, JobStatus.PAUSED, JobPaused, at)


@transaction.atomic
def resume(actor: Actor, job_id: UUID, *, at: datetime) -> Job:
    """Go on where a paused job stands. Raises JobMovedOn, NotFound."""
    return _move(actor, job_id, JobStatus.PAUSED, JobStatus.RUNNING, JobResumed, at)


@transaction.atomic
def stop(actor: Actor, job_id: UUID, *, at: datetime) -> Job:
    """End a job for good; what it has done stays, the rest is left undone. Raises JobMovedOn, NotFound."""
    job = _lock_visible(actor, job_id)
    _expect(job, JobStatus.RUNNING, JobStatus.PAUSED)
    _end(actor, job, None, at)
    return job


@transaction.atomic
def retry_failed(actor: Actor, job_id: UUID, *, at: datetime) -> Job:
    """Try the rows again that failed for a reason of the hub's own. Raises JobMovedOn, NotFound."""
    job = _lock_own(actor, job_id)
    _expect(job, JobStatus.FINISHED)
    failed = job.rows.filter(status=RowStatus.FAILED)
    again = failed.update(status=RowStatus.PENDING, code="", values={}, attempts=0, lease_until=None, worked_at=None)
    if not again:
        raise JobMovedOn
    job.status, job.ended_at = JobStatus.RUNNING, None
    job.save(update_fields=["status", "ended_at"])
    _record(actor, job, JobRetried(job.pk, {"rows": again}), at)
    return job


@transaction.atomic
def discard(actor: Actor, job_id: UUID) -> None:
    """Forget a plan that nobody confirmed. Raises JobMovedOn, NotFound."""
    job = _lock_own(actor, job_id)
    _expect(job, JobStatus.PLANNING, JobStatus.PLANNED)
    job.delete()


def plan_again(actor: Actor, job_id: UUID, *, at: datetime) -> Job:
    """A new plan of what a job that is over has left undone. Raises JobMovedOn, NothingSelected, NotPermitted."""
    with transaction.atomic():
        job = _lock_own(actor, job_id)
        _expect(job, JobStatus.STOPPED, JobStatus.FINISHED)
        return kind_of(job).again(actor, job, at=at)


@transaction.atomic
def settle(job_id: UUID, *, at: datetime) -> None:
    """Move a job on when no row of its phase is open any more: the plan stands, or everything is done."""
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None or job.status not in (JobStatus.PLANNING, JobStatus.RUNNING):
        return
    rows = tally_of(job)
    if job.status == JobStatus.PLANNING and not rows[RowStatus.UNPLANNED]:
        job.status, job.phrase = JobStatus.PLANNED, kind_of(job).phrase(job)[:200]
        job.save(update_fields=["status", "phrase"])
    elif job.status == JobStatus.RUNNING and not rows.open:
        job.status, job.ended_at = JobStatus.FINISHED, at
        job.save(update_fields=["status", "ended_at"])
        _record(planner_of(job), job, JobFinished(job.pk, dict(rows.rows)), at)


@transaction.atomic
def stop_for(job_id: UUID, reason: HubError, *, at: datetime) -> None:
    """End a job because of what happened meanwhile; the reason stands on it."""
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        return
    if job.confirmed_at is None:
        job.delete()
    elif job.ended_at is None:
        _end(planner_of(job), job, reason, at)


def acting_for(job: Job) -> Actor:
    """The actor of a job's rows, provided that they are still what they were. Raises ActorLost."""
    role = Role(job.actor_role)
    today = _today(job.actor_kind, job.actor_id)
    if today is None or role not in today.roles:
        raise ActorLost(name=job.actor_label, role=role.value)
    return replace(today, label=job.actor_label, role=role)


def planner_of(job: Job) -> Actor:
    """Who goes on record for what happens to the job as a whole."""
    role = Role(job.actor_role)
    return Actor(kind=job.actor_kind, id=job.actor_id, label=job.actor_label, role=role, roles=(role,))


def forget_plans(*, at: datetime) -> int:
    """Delete plans that nobody confirmed within a week; they have changed nothing. Returns how many."""
    old = Job.objects.filter(confirmed_at=None, created_at__lte=at - PLAN_KEPT)
    return old.delete()[1].get("jobs.Job", 0)


def _today(kind: str, actor_id: str) -> Actor | None:
    """The actor with the roles and customers of this moment; None when inactive or gone."""
    if kind == "user":
        user = User.objects.filter(pk=actor_id, is_active=True).first()
        return user.actor() if user else None
    client = Client.objects.filter(pk=actor_id, is_active=True).first() if kind == "client" else None
    return client.actor() if client else None


def _snapshot(actor: Actor) -> dict[str, str]:
    return {
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_label": actor.label,
        "actor_role": actor.role.value,
        "request_id": str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64],
    }


def _row(job: Job, number: int, wanted: Wanted, at: datetime) -> JobRow:
    row = JobRow(
        job=job,
        number=number,
        subject_id=wanted.subject_id,
        subject=wanted.subject[:250],
        owner=wanted.owner[:250],
        asked=wanted.asked,
        plan=wanted.plan,
    )
    if wanted.refusal is not None:
        row.status, row.worked_at = RowStatus.REFUSED, at
        row.code, row.values = wanted.refusal.code, values_of(wanted.refusal)
    return row


def values_of(refusal: HubError) -> dict[str, str]:
    """The values of a refusal as they are kept on a row."""
    return {name: str(value) for name, value in refusal.values.items()}


def _lock_own(actor: Actor, job_id: UUID) -> Job:
    found = Job.objects.select_for_update().filter(pk=job_id, actor_kind=actor.kind, actor_id=actor.id).first()
    if found is None:
        raise NotFound(what="job", id=job_id)
    return found


def _lock_visible(actor: Actor, job_id: UUID) -> Job:
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise NotFound(what="job", id=job_id)
    if (job.actor_kind, job.actor_id) != (actor.kind, actor.id):
        authorize(actor, Action.JOB_OVERSEE)
    return job


def _expect(job: Job, *statuses: JobStatus) -> None:
    if job.status not in statuses:
        raise JobMovedOn


def _move(actor: Actor, job_id: UUID, before: JobStatus, after: JobStatus, fact: type[JobFact], at: datetime) -> Job:
    job = _lock_visible(actor, job_id)
    _expect(job, before)
    job.status = after
    job.save(update_fields=["status"])
    _record(actor, job, fact(job.pk), at)
    return job


def _end(actor: Actor, job: Job, reason: HubError | None, at: datetime) -> None:
    job.rows.filter(status=RowStatus.RUNNING).update(status=RowStatus.PENDING, lease=None, lease_until=None)
    job.status, job.ended_at = JobStatus.STOPPED, at
    if reason is not None:
        job.stop_code, job.stop_values = reason.code, values_of(reason)
    job.save(update_fields=["status", "ended_at", "stop_code", "stop_values"])
    data = {"left": tally_of(job).left, "why": job.stop_code}
    _record(actor, job, JobStopped(job.pk, data), at)


def _record(actor: Actor, job: Job, fact: JobFact, at: datetime) -> None:
    with structlog.contextvars.bound_contextvars(correlation_id=str(job.pk)):
        record(fact, actor=actor, at=at)
