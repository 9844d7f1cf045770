import uuid

from django.db import models
from django.db.models import Q

from subscriptions.enums import RequestStatus
from subscriptions.models.subscription import Subscription


class ChangeRequest(models.Model):
    """A change that somebody asks an admin agent for, priced against the subscription as it was then.

    `changes` maps each field to [old, new]; `base` is what it rests on: when that moves, the request is void.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="change_requests")
    change = models.JSONField()
    changes = models.JSONField()
    base = models.JSONField()
    base_version = models.PositiveIntegerField()
    shown = models.JSONField()
    status = models.CharField(max_length=16, default=RequestStatus.OPEN)
    reason = models.CharField(max_length=500)
    requested_by = models.CharField(max_length=200)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_role = models.CharField(max_length=32)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=list(RequestStatus)), name="change_request_status_known"),
            models.CheckConstraint(
                condition=Q(status=RequestStatus.OPEN, decided_at=None)
                | (~Q(status=RequestStatus.OPEN) & Q(decided_at__isnull=False)),
                name="change_request_decided_when_closed",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at", "id"], condition=Q(status=RequestStatus.OPEN), name="change_request_open"
            ),
            models.Index(fields=["subscription", "-requested_at"], name="change_request_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.changes}: {self.status}"
