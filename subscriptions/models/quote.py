import uuid

from django.db import models
from django.db.models import F, Q

from subscriptions.models.subscription import Subscription


class Quote(models.Model):
    """What an agent was shown before a change: committed with it, or nothing happens. Never changed but for its use."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="quotes")
    change = models.JSONField()
    shown = models.JSONField()
    base_version = models.PositiveIntegerField()
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="quote_expires_after_it_was_made")
        ]
        indexes = [models.Index(fields=["subscription", "-created_at"], name="quote_newest_first")]

    def __str__(self) -> str:
        return f"{self.change} until {self.expires_at:%H:%M}"
