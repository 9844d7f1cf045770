"""Long work as data: a job, and one row for each thing that it touches."""

import uuid

from django.db import models
from django.db.models import Q

from partnerhub.jobs.enums import OPEN_ROWS, OVER, JobStatus, RowStatus


class Job(models.Model):
    """One order to do the same to many: planned row by row, confirmed by a person, then worked off in the background.

    Who acts is a snapshot: taken when it is planned, again when it is confirmed, and held against the grants and the
    roles of the moment whenever a row is worked.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    asked = models.JSONField(default=dict)
    status = models.CharField(max_length=16, default=JobStatus.PLANNING)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    actor_role = models.CharField(max_length=32)
    request_id = models.CharField(max_length=64, blank=True)
    phrase = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    stop_code = models.CharField(max_length=64, blank=True)
    stop_values = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=list(JobStatus)), name="job_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=[JobStatus.PLANNING, JobStatus.PLANNED], confirmed_at=None)
                | Q(status__in=[JobStatus.RUNNING, JobStatus.PAUSED, *OVER], confirmed_at__isnull=False),
                name="job_runs_only_when_confirmed",
            ),
            models.CheckConstraint(
                condition=Q(status__in=list(OVER), ended_at__isnull=False)
                | (~Q(status__in=list(OVER)) & Q(ended_at=None)),
                name="job_ended_when_over",
            ),
        ]
        indexes = [
            models.Index(fields=["actor_id", "-created_at", "-id"], name="job_of_actor"),
            models.Index(fields=["-created_at", "-id"], name="job_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.status}"


class JobRow(models.Model):
    """One thing that a job touches, once. A due row: a worker claims it under a lease that runs out if it dies."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    subject_id = models.UUIDField(null=True)
    subject = models.CharField(max_length=250)
    owner = models.CharField(max_length=250, blank=True)
    asked = models.JSONField(default=dict)
    plan = models.JSONField(default=dict)
    result = models.JSONField(default=dict)
    status = models.CharField(max_length=16, default=RowStatus.UNPLANNED)
    code = models.CharField(max_length=64, blank=True)
    values = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    worked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=list(RowStatus)), name="job_row_status_known"),
            models.UniqueConstraint(fields=["job", "number"], name="job_row_number_once"),
            models.UniqueConstraint(
                fields=["job", "subject_id"], condition=Q(subject_id__isnull=False), name="job_row_once_per_subject"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[RowStatus.REFUSED, RowStatus.FAILED]) | ~Q(code=""),
                name="job_row_refused_with_a_code",
            ),
        ]
        indexes = [
            models.Index(fields=["number", "id"], condition=Q(status__in=list(OPEN_ROWS)), name="job_row_open"),
            models.Index(fields=["job", "status", "number"], name="job_row_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.subject}"
