from django.db import models
from django.db.models import Q

from subscriptions.enums import Rung
from subscriptions.models.subscription import Subscription


class Reminder(models.Model):
    """A rung of the ladder that was climbed while a purchase waited: one for each, whatever happens."""

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="reminders")
    rung = models.CharField(max_length=16)
    reminded_at = models.DateTimeField()
    recipients = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(rung__in=list(Rung)), name="reminder_rung_known"),
            models.UniqueConstraint(fields=["subscription", "rung"], name="reminder_once_a_rung"),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id}: {self.rung}"
