from django.db import models
from django.db.models import Q

from publishers.models import PlanTerm
from subscriptions.models.subscription import Subscription


class ScheduledRenewal(models.Model):
    """What the next term begins with, where it differs: the licences, the plan, its billing frequency (rule 40).

    It waits while auto-renew is off, and goes when the subscription is suspended (rule 63), renewed or ended.
    """

    subscription = models.OneToOneField(
        Subscription, primary_key=True, on_delete=models.PROTECT, related_name="scheduled_renewal"
    )
    quantity = models.PositiveIntegerField(null=True)
    plan_term = models.ForeignKey(PlanTerm, null=True, on_delete=models.PROTECT, related_name="+")
    scheduled_by = models.CharField(max_length=200)
    scheduled_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gte=1) | Q(plan_term__isnull=False), name="scheduled_renewal_changes_something"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} at renewal"
