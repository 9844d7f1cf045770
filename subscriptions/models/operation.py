import uuid

from django.db import models
from django.db.models import Q

from subscriptions.enums import OperationAction, OperationStatus
from subscriptions.models.subscription import Subscription

IN_FLIGHT = (OperationStatus.NOT_STARTED, OperationStatus.IN_PROGRESS)


class Operation(models.Model):
    """A change that concerns the publisher, until it is final. A due row: workers claim it under a lease."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="operations")
    action = models.CharField(max_length=32)
    status = models.CharField(max_length=16, default=OperationStatus.NOT_STARTED)
    requested_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    remote_id = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(action__in=list(OperationAction)), name="operation_action_known"),
            models.CheckConstraint(condition=Q(status__in=list(OperationStatus)), name="operation_status_known"),
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(status__in=list(IN_FLIGHT)), name="operation_one_in_flight"
            ),
            models.CheckConstraint(
                condition=Q(status__in=list(IN_FLIGHT), completed_at=None)
                | (~Q(status__in=list(IN_FLIGHT)) & Q(completed_at__isnull=False)),
                name="operation_completed_when_final",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status__in=list(IN_FLIGHT)), name="operation_due"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.status}"
