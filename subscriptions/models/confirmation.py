import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest

from subscriptions.enums import GateName, GateState, NextAction, Owner, Reason
from subscriptions.models.subscription import Subscription


class Gate(models.Model):
    """One condition of billing for one subscription, with its evidence: which poll or call said so, when, and what."""

    # Its unique constraints begin with it: no index of its own.
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="gates", db_index=False)
    gate = models.CharField(max_length=32)
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, default=GateState.PENDING)
    satisfied_at = models.DateTimeField(null=True)
    evidence = models.JSONField(null=True)
    reason = models.CharField(max_length=32, blank=True)
    message = models.CharField(max_length=500, blank=True)
    action_url = models.CharField(max_length=1000, blank=True)
    owner = models.CharField(max_length=16)
    next_action = models.CharField(max_length=32, blank=True)
    since = models.DateTimeField()
    due_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "gate"], name="gate_once_per_subscription"),
            # The target of the billing start's references: a gate as it stood when it was satisfied.
            models.UniqueConstraint(fields=["subscription", "gate", "satisfied_at"], name="gate_satisfied_moment"),
            models.CheckConstraint(condition=Q(gate__in=list(GateName)), name="gate_known"),
            models.CheckConstraint(condition=Q(owner__in=list(Owner)), name="gate_owner_known"),
            models.CheckConstraint(condition=Q(reason__in=["", *Reason]), name="gate_reason_known"),
            models.CheckConstraint(condition=Q(next_action__in=["", *NextAction]), name="gate_next_action_known"),
            models.CheckConstraint(
                condition=Q(state=GateState.SATISFIED, satisfied_at__isnull=False, evidence__isnull=False)
                | Q(state__in=[GateState.PENDING, GateState.FAILED], satisfied_at=None),
                name="gate_satisfied_by_evidence",
            ),
        ]
        indexes = [
            models.Index(
                fields=["owner", "reason", "subscription"], condition=~Q(state=GateState.SATISFIED), name="gate_open"
            )
        ]

    def __str__(self) -> str:
        return f"{self.gate}: {self.state}"


class BillingStart(models.Model):
    """The proof that billing may start: both confirmations, referenced as they stood, and the later of them.

    Foreign keys of the database (see the migration) tie each moment to its satisfied gate and the subscription's
    activation to `starts_at`; nothing can be charged without referencing this row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.OneToOneField(Subscription, on_delete=models.PROTECT, related_name="billing_start")
    licenses_gate = models.GeneratedField(
        expression=models.Value(str(GateName.LICENSES_ASSIGNED)),
        output_field=models.CharField(max_length=32),
        db_persist=True,
    )
    licenses_assigned_at = models.DateTimeField()
    configuration_gate = models.GeneratedField(
        expression=models.Value(str(GateName.CONFIGURATION_CONFIRMED)),
        output_field=models.CharField(max_length=32),
        db_persist=True,
    )
    configuration_confirmed_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at=Greatest(F("licenses_assigned_at"), F("configuration_confirmed_at"))),
                name="billing_starts_at_the_later_confirmation",
            ),
            models.CheckConstraint(
                condition=Q(recorded_at__gte=F("starts_at")), name="billing_start_recorded_after_it"
            ),
            models.UniqueConstraint(fields=["subscription", "starts_at"], name="billing_start_moment"),
            models.UniqueConstraint(fields=["id", "subscription", "starts_at"], name="billing_start_proof"),
        ]
        triggers = [pgtrigger.Protect(name="billing_start_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.subscription_id} from {self.starts_at:%Y-%m-%d}"
