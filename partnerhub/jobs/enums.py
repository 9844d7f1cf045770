"""The words of a job's life. Pure: no Django."""

from enum import StrEnum


class JobStatus(StrEnum):
    PLANNING = "planning"
    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class RowStatus(StrEnum):
    """`skipped` is what the plan found to be so already; `pending` is planned and allowed, or waiting to be done."""

    UNPLANNED = "unplanned"
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"


OPEN_ROWS = (RowStatus.UNPLANNED, RowStatus.PENDING, RowStatus.RUNNING)
# What a job that is over has not done.
LEFT_ROWS = (RowStatus.PENDING, RowStatus.REFUSED, RowStatus.FAILED)
OVER = (JobStatus.STOPPED, JobStatus.FINISHED)
