"""Jobs and their rows as programs read them; sentences in English, as everywhere in the API."""

from typing import TypedDict

from partnerhub.api.errors import number_of_code
from partnerhub.api.shapes import Attributes, Guid, Link, Utc, link, utc, utc_or_none
from partnerhub.jobs.enums import JobStatus, RowStatus
from partnerhub.jobs.kinds import kind_of
from partnerhub.jobs.models import Job, JobRow
from partnerhub.jobs.selectors import Tally
from partnerhub.jobs.showing import outcome_words, table_row
from partnerhub.web.refusals import sentence_of_code


class RowCounts(TypedDict):
    """Rows by status. `pending` is planned and allowed, or waiting to be done; `skipped` is so already."""

    total: int
    unplanned: int
    pending: int
    running: int
    done: int
    skipped: int
    refused: int
    failed: int


class JobLinks(TypedDict):
    self: Link
    rows: Link
    results: Link


class RefusalTold(TypedDict):
    """A refusal that was kept: the dialect's number, the hub's own word, and the sentence."""

    code: int
    reason: str
    description: str


class JobShown(TypedDict):
    """An order to do the same to many. `status` is `planning`, then `planned`: nothing is touched before it is
    confirmed, with `phrase` where that is not empty. Then `running`, `paused`, `stopped` or `finished`. `summary` says
    what the whole plan comes to; in a list it is empty.
    """

    id: Guid
    kind: str
    title: str
    status: str
    outcome: str
    summary: list[str]
    phrase: str
    isFinal: bool
    createdBy: str
    createdAt: Utc
    confirmedAt: Utc | None
    endedAt: Utc | None
    stoppedFor: RefusalTold | None
    rows: RowCounts
    links: JobLinks
    attributes: Attributes


class RowChange(TypedDict):
    """One thing that changes, in words."""

    label: str
    before: str
    after: str


class JobRowShown(TypedDict):
    """One thing that the job touches. `subjectId` is null where the row names none; `notes` say its price and more."""

    number: int
    subjectId: Guid | None
    subject: str
    owner: str
    status: str
    changes: list[RowChange]
    notes: list[str]
    refusal: RefusalTold | None
    workedAt: Utc | None


def job(found: Job, tally: Tally) -> JobShown:
    """A job with its `summary`, which is counted over its rows."""
    return {**listed(found, tally), "summary": [str(line) for line in kind_of(found).summary(found)]}


def listed(found: Job, tally: Tally) -> JobShown:
    """One of many."""
    kind, uri = kind_of(found), f"/jobs/{found.pk}"
    return JobShown(
        id=str(found.pk),
        kind=found.kind,
        title=kind.title(found),
        status=JobStatus(found.status).value,
        outcome=outcome_words(found, tally),
        summary=[],
        phrase=found.phrase,
        isFinal=kind.is_final(found),
        createdBy=found.actor_label,
        createdAt=utc(found.created_at),
        confirmedAt=utc_or_none(found.confirmed_at),
        endedAt=utc_or_none(found.ended_at),
        stoppedFor=_refusal(found.stop_code, found.stop_values),
        rows=_counts(tally),
        links=JobLinks(self=link(uri), rows=link(f"{uri}/rows"), results=link(f"{uri}/results")),
        attributes=Attributes(objectType="Job"),
    )


def row(found: JobRow) -> JobRowShown:
    shown = table_row(found)
    return JobRowShown(
        number=found.number,
        subjectId=str(found.subject_id) if found.subject_id else None,
        subject=found.subject,
        owner=found.owner,
        status=RowStatus(found.status).value,
        changes=[RowChange(label=one.label, before=one.before, after=one.after) for one in shown.changes],
        notes=[str(note) for note in shown.notes],
        refusal=_refusal(found.code, found.values),
        workedAt=utc_or_none(found.worked_at),
    )


def _counts(tally: Tally) -> RowCounts:
    return RowCounts(
        total=tally.total,
        unplanned=tally[RowStatus.UNPLANNED],
        pending=tally[RowStatus.PENDING],
        running=tally[RowStatus.RUNNING],
        done=tally[RowStatus.DONE],
        skipped=tally[RowStatus.SKIPPED],
        refused=tally[RowStatus.REFUSED],
        failed=tally[RowStatus.FAILED],
    )


def _refusal(code: str, values: dict[str, str]) -> RefusalTold | None:
    if not code:
        return None
    return RefusalTold(code=number_of_code(code), reason=code, description=sentence_of_code(code, values, code))
