"""Jobs and their rows as the pages show them: everything is worked out here, templates only place it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from partnerhub.jobs.enums import JobStatus, RowStatus
from partnerhub.jobs.kinds import Now, kind_of
from partnerhub.jobs.models import Job, JobRow
from partnerhub.jobs.selectors import Tally
from partnerhub.web.export import Value
from partnerhub.web.refusals import sentence_of_code

JOB_BADGES: dict[JobStatus, dict[str, Any]] = {
    JobStatus.PLANNING: {"tone": "wait", "word": gettext_lazy("Planning")},
    JobStatus.PLANNED: {"tone": "info", "word": gettext_lazy("Waiting for you")},
    JobStatus.RUNNING: {"tone": "wait", "word": pgettext_lazy("job", "Running")},
    JobStatus.PAUSED: {"tone": "attention", "word": pgettext_lazy("job", "Paused")},
    JobStatus.STOPPED: {"tone": "off", "word": pgettext_lazy("job", "Stopped")},
    JobStatus.FINISHED: {"tone": "ok", "word": pgettext_lazy("job", "Finished")},
}
ROW_BADGES: dict[RowStatus, dict[str, Any]] = {
    RowStatus.UNPLANNED: {"tone": "off", "word": gettext_lazy("Not planned yet")},
    RowStatus.PENDING: {"tone": "info", "word": pgettext_lazy("row of a job", "To do")},
    RowStatus.RUNNING: {"tone": "wait", "word": pgettext_lazy("row of a job", "Running")},
    RowStatus.DONE: {"tone": "ok", "word": pgettext_lazy("row of a job", "Done")},
    RowStatus.SKIPPED: {"tone": "off", "word": gettext_lazy("No change")},
    RowStatus.REFUSED: {"tone": "attention", "word": pgettext_lazy("row of a job", "Refused")},
    RowStatus.FAILED: {"tone": "attention", "word": pgettext_lazy("row of a job", "Failed")},
}
TABS: dict[str, tuple[RowStatus, ...]] = {
    "to-do": (RowStatus.UNPLANNED, RowStatus.PENDING, RowStatus.RUNNING),
    "done": (RowStatus.DONE,),
    "refused": (RowStatus.REFUSED,),
    "failed": (RowStatus.FAILED,),
    "no-change": (RowStatus.SKIPPED,),
}
_TAB_WORDS = {
    "to-do": pgettext_lazy("row of a job", "To do"),
    "done": pgettext_lazy("row of a job", "Done"),
    "refused": pgettext_lazy("row of a job", "Refused"),
    "failed": pgettext_lazy("row of a job", "Failed"),
    "no-change": gettext_lazy("No change"),
}
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Shown:
    """A row of a plan or of its results."""

    number: int
    subject: str
    owner: str
    url: str
    changes: Sequence[Now]
    notes: Sequence[str]
    badge: dict[str, Any]
    why: str
    code: str
    worked_at: datetime | None


def rows_shown(job: Job, tab: str) -> QuerySet[JobRow]:
    """The rows of a job under one tab, all of them under none."""
    rows = JobRow.objects.filter(job=job).select_related("job")
    return rows.filter(status__in=TABS[tab]) if tab in TABS else rows


def row_tabs(params: QueryDict, tally: Tally) -> list[dict[str, Any]]:
    """The tabs over the rows with their counts; one without rows is left out unless it is the one being shown."""
    current = params.get("show", "") if params.get("show", "") in TABS else ""
    counts = {name: sum(tally[status] for status in statuses) for name, statuses in TABS.items()}
    tabs = [{"url": "?show=", "label": _("All"), "count": tally.total, "current": not current}]
    for name, count in counts.items():
        if count or name == current:
            tabs.append({"url": f"?show={name}", "label": _TAB_WORDS[name], "count": count, "current": name == current})
    return tabs


def table_row(row: JobRow) -> Shown:
    """A row in the reader's language."""
    told = kind_of(row.job).tell(row)
    return Shown(
        number=row.number,
        subject=row.subject,
        owner=row.owner,
        url=told.url,
        changes=told.changes,
        notes=told.notes,
        badge=_left_undone() if _is_left(row) else ROW_BADGES[RowStatus(row.status)],
        why=sentence_of_code(row.code, row.values, row.code) if row.code else "",
        code=row.code,
        worked_at=row.worked_at,
    )


def outcome_words(job: Job, tally: Tally) -> str:
    """How a job stands in one sentence."""
    if job.status == JobStatus.PLANNING:
        return _("The plan is being made. Nothing is changed yet.")
    parts = [words for words in _counted(job, tally) if words]
    return " · ".join(parts)


def _counted(job: Job, tally: Tally) -> list[str]:
    planned = job.status == JobStatus.PLANNED
    to_do, done = tally.to_do, tally[RowStatus.DONE]
    refused, failed, skipped = tally[RowStatus.REFUSED], tally[RowStatus.FAILED], tally[RowStatus.SKIPPED]
    over = job.ended_at is not None
    return [
        ngettext("%(n)d can be done", "%(n)d can be done", to_do) % {"n": to_do} if planned else "",
        "" if planned else ngettext("%(n)d done", "%(n)d done", done) % {"n": done},
        ngettext("%(n)d left undone", "%(n)d left undone", to_do) % {"n": to_do} if over and to_do else "",
        _some(ngettext("%(n)d refused", "%(n)d refused", refused), refused),
        _some(ngettext("%(n)d failed", "%(n)d failed", failed), failed),
        _some(ngettext("%(n)d without a change", "%(n)d without a change", skipped), skipped),
    ]


def _some(words: str, n: int) -> str:
    return words % {"n": n} if n else ""


def _is_left(row: JobRow) -> bool:
    return row.job.status == JobStatus.STOPPED and row.status == RowStatus.PENDING


def _left_undone() -> dict[str, Any]:
    return {"tone": "off", "word": _("Left undone")}


def file_headings() -> list[str]:
    """The columns of `file_rows` in the reader's language."""
    about = [_("Row"), _("ID"), _("Nickname"), _("Customer")]
    return [*about, _("What"), _("Now"), _("New"), _("Status"), _("Code"), _("Reason"), _("Worked at")]


def file_rows(job: Job) -> Iterator[list[Value]]:
    """Plan and results of every row, one line for each thing that changes."""
    for row in rows_shown(job, "").order_by("number").iterator(chunk_size=_CHUNK):
        shown = table_row(row)
        about: list[Value] = [row.number, str(row.subject_id or ""), row.subject, row.owner]
        outcome: list[Value] = [str(shown.badge["word"]), row.code, shown.why, row.worked_at]
        for change in shown.changes or [Now("", "", "")]:
            yield [*about, change.label, change.before, change.after, *outcome]
