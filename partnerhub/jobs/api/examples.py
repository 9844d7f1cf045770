"""What the document shows of jobs."""

from typing import Any

from partnerhub.api.shapes import Attributes, collection, link
from partnerhub.jobs.api.shapes import JobLinks, JobRowShown, JobShown, RowChange, RowCounts

JOB_ID = "5d8f0a41-7c2b-4a35-9f0e-0d6d9d1f7a34"
SUBSCRIPTION_ID = "a82ab91c-faa7-4b84-96eb-27c017e0e1b7"
_URI = f"/jobs/{JOB_ID}"
_ONE = RowCounts(total=1, unplanned=0, pending=1, running=0, done=0, skipped=0, refused=0, failed=0)

PLANNED = JobShown(
    id=JOB_ID,
    kind="subscriptions.bulk",
    title="Ask the publisher now",
    status="planned",
    outcome="1 can be done",
    summary=[],
    phrase="",
    isFinal=False,
    createdBy="ERP",
    createdAt="2026-12-07T09:00:00Z",
    confirmedAt=None,
    endedAt=None,
    stoppedFor=None,
    rows=_ONE,
    links=JobLinks(self=link(_URI), rows=link(f"{_URI}/rows"), results=link(f"{_URI}/results")),
    attributes=Attributes(objectType="Job"),
)
PLANNING: dict[str, Any] = {
    **PLANNED,
    "status": "planning",
    "outcome": "The plan is being made. Nothing is changed yet.",
    "rows": {**_ONE, "unplanned": 1, "pending": 0},
}
RUNNING: dict[str, Any] = {
    **PLANNED,
    "status": "running",
    "outcome": "0 done",
    "confirmedAt": "2026-12-07T09:01:00Z",
}
PAUSED: dict[str, Any] = {**RUNNING, "status": "paused"}
STOPPED: dict[str, Any] = {
    **RUNNING,
    "status": "stopped",
    "outcome": "0 done · 1 left undone",
    "endedAt": "2026-12-07T09:02:00Z",
}
JOBS = collection([PLANNED], "/jobs")
CONFIRMATION = {"phrase": ""}
ROWS = collection(
    [
        JobRowShown(
            number=1,
            subjectId=SUBSCRIPTION_ID,
            subject="Team North",
            owner="Fabrykam sp. z o.o.",
            status="pending",
            changes=[RowChange(label="Publisher", before="–", after="asked now")],
            notes=[],
            refusal=None,
            workedAt=None,
        )
    ],
    f"{_URI}/rows",
)
