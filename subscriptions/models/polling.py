from django.db import models

from publishers.models import Publisher
from subscriptions.models.subscription import Subscription


class PollSchedule(models.Model):
    """When a pending subscription's publisher is asked next. A due row, apart from the subscription: it changes often.

    A worker that claims it moves `lease_until` ahead; a worker that dies leaves a lease that simply runs out.
    """

    subscription = models.OneToOneField(
        Subscription, primary_key=True, on_delete=models.PROTECT, related_name="poll_schedule"
    )
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT, related_name="poll_schedules", db_index=False)
    next_poll_at = models.DateTimeField(null=True)
    # The last sign that something is going on: purchase, link opened, asked for by hand. Waits grow with its age.
    fresh_since = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    lease = models.UUIDField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    last_polled_at = models.DateTimeField(null=True)
    last_outcome = models.CharField(max_length=16, blank=True)
    # What the publisher called its last answer (ETag), so that it need not say it again.
    etag = models.CharField(max_length=200, blank=True)
    last_detail = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["publisher", "next_poll_at"], condition=models.Q(next_poll_at__isnull=False), name="poll_due"
            ),
            models.Index(fields=["publisher"], condition=models.Q(lease__isnull=False), name="poll_under_way"),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} at {self.next_poll_at}"
