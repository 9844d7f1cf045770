import uuid

from django.db import models
from django.db.models import Q

from subscriptions.enums import Acceptance, OperationAction, OperationSource, OperationStatus
from subscriptions.models.quote import Quote
from subscriptions.models.subscription import Subscription

IN_FLIGHT = (OperationStatus.NOT_STARTED, OperationStatus.IN_PROGRESS)
# Told of when it has happened here: no other change waits until the publisher has heard of it.
NOTICES = (OperationAction.SUBSCRIBE, OperationAction.SUSPEND, OperationAction.REINSTATE)
# What renewals, ends of terms and those who look wait for.
WAITED_FOR = Q(status__in=list(IN_FLIGHT)) & ~Q(action__in=list(NOTICES))
# Never sent: no publisher hears of them.
OURS_ALONE = (OperationAction.SET_AUTO_RENEW, OperationAction.CHANGE_RESELLER)


class Operation(models.Model):
    """A change until it is final, one at a time for each subscription. A due row: workers claim it under a lease.

    While `held_until` is set it can still be undone, and nobody outside sees it. `payload` holds the values `before`
    and `after`; who asked for it is kept whole, because what is held acts later in that person's name.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="operations")
    action = models.CharField(max_length=32)
    source = models.CharField(max_length=16, default=OperationSource.MARKETPLACE)
    status = models.CharField(max_length=16, default=OperationStatus.NOT_STARTED)
    payload = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    quote = models.ForeignKey(Quote, null=True, on_delete=models.PROTECT, related_name="operations")
    requested_by = models.CharField(max_length=200)
    actor_kind = models.CharField(max_length=16, blank=True)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_role = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField()
    held_until = models.DateTimeField(null=True)
    notified_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    accepted_by = models.CharField(max_length=16, blank=True)
    remote_id = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    # When somebody has looked at a change that failed, and let it be.
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(action__in=list(OperationAction)), name="operation_action_known"),
            models.CheckConstraint(condition=Q(source__in=list(OperationSource)), name="operation_source_known"),
            models.CheckConstraint(condition=Q(status__in=list(OperationStatus)), name="operation_status_known"),
            models.CheckConstraint(condition=Q(accepted_by__in=["", *Acceptance]), name="operation_acceptance_known"),
            models.UniqueConstraint(
                fields=["subscription"], condition=Q(status__in=list(IN_FLIGHT)), name="operation_one_in_flight"
            ),
            models.CheckConstraint(
                condition=Q(status__in=list(IN_FLIGHT), completed_at=None)
                | (~Q(status__in=list(IN_FLIGHT)) & Q(completed_at__isnull=False)),
                name="operation_completed_when_final",
            ),
            models.CheckConstraint(
                condition=Q(held_until=None) | Q(status=OperationStatus.NOT_STARTED, lease_until=None),
                name="operation_held_before_it_starts",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status__in=list(IN_FLIGHT)), name="operation_due"),
            models.Index(fields=["held_until"], condition=Q(held_until__isnull=False), name="operation_held"),
            models.Index(
                fields=["subscription"],
                condition=Q(status__in=[OperationStatus.FAILED, OperationStatus.CONFLICT], seen_at=None),
                name="operation_failed_unseen",
            ),
            models.Index(fields=["created_at"], name="operation_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.status}"

    @property
    def is_in_flight(self) -> bool:
        return self.status in IN_FLIGHT

    @property
    def only_tells(self) -> bool:
        """Whether it tells the publisher of what holds already, such as a new term in which nothing else is new. No
        other change waits for it.
        """
        before, after = self.payload.get("before", {}), self.payload.get("after", {})
        news = any(before.get(name) != after.get(name) for name in ("plan_id", "quantity"))
        return self.action in NOTICES or (self.action == OperationAction.RENEW and not news)
