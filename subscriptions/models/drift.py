import uuid

from django.db import models
from django.db.models import F, Q

from publishers.models import Publisher
from subscriptions.enums import DivergenceEnd, DivergenceKind
from subscriptions.models.subscription import Subscription


class DriftCheck(models.Model):
    """When the publisher of a running or ended subscription is asked whether it still shows what we hold. A due row."""

    subscription = models.OneToOneField(
        Subscription, primary_key=True, on_delete=models.PROTECT, related_name="drift_check"
    )
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT, related_name="drift_checks")
    next_check_at = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    last_checked_at = models.DateTimeField(null=True)
    last_outcome = models.CharField(max_length=16, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["publisher", "next_check_at"], condition=Q(next_check_at__isnull=False), name="drift_check_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} at {self.next_check_at}"


class Divergence(models.Model):
    """What the publisher shows is not what we hold; one open row for each kind and subscription.

    `evidence` names the question or call that showed it: its id, its moment (UTC) and what was said.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="divergences")
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT, related_name="divergences")
    kind = models.CharField(max_length=32)
    ours = models.CharField(max_length=100, blank=True)
    theirs = models.CharField(max_length=100, blank=True)
    evidence = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_as = models.CharField(max_length=16, blank=True)
    ended_by = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=list(DivergenceKind)), name="divergence_kind_known"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_as="") | Q(ended_at__isnull=False, ended_as__in=list(DivergenceEnd)),
                name="divergence_ended_somehow",
            ),
            models.CheckConstraint(
                condition=Q(last_seen_at__gte=F("first_seen_at")), name="divergence_last_seen_after_first"
            ),
            models.UniqueConstraint(
                fields=["subscription", "kind"], condition=Q(ended_at=None), name="divergence_open_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["publisher", "-first_seen_at"], condition=Q(ended_at=None), name="divergence_of_publisher"
            ),
            models.Index(fields=["-first_seen_at", "-id"], condition=Q(ended_at=None), name="divergence_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.ours} / {self.theirs}"
