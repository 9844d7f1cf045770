"""What programs want to be told, and every delivery of it: rows written with the event, sent by a worker."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Client

LONGEST_URL = 2000
_WAITING = Q(next_attempt_at__isnull=False, delivered_at=None, parked_at=None)
_OVER = Q(next_attempt_at=None, lease_until=None)


class Registration(models.Model):
    """Where one API client is told of what. One that has ended stays on record with what it was told.

    `in_ms_header` puts the signature into x-ms-signature, for those whose Authorization header is taken away.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="registrations")
    url = models.CharField(max_length=LONGEST_URL)
    events = ArrayField(models.CharField(max_length=64))
    in_ms_header = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client"], condition=Q(ended_at=None), name="registration_once_per_client"),
            models.CheckConstraint(condition=~Q(events=[]), name="registration_of_something"),
        ]

    def __str__(self) -> str:
        return f"{self.client_id}: {', '.join(self.events)}"


class Delivery(models.Model):
    """What one program is told: exactly `body`, until it answers 2xx or has not for ten times and is parked.

    `event_id` is the hub's event; a validation event has none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.UUIDField(null=True)
    event_name = models.CharField(max_length=64)
    body = models.TextField()
    correlation_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    parked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["registration", "event_id", "event_name"], name="hook_told_once"),
            models.CheckConstraint(
                condition=_WAITING
                | (_OVER & Q(delivered_at__isnull=False, parked_at=None))
                | (_OVER & Q(delivered_at=None, parked_at__isnull=False)),
                name="hook_waits_until_delivered_or_parked",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="hook_due"),
            models.Index(fields=["-created_at", "-id"], name="hook_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.event_name} -> {self.registration_id}"


class Attempt(models.Model):
    """One post of a delivery: the HTTP status that came back, or in `detail` why none did."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    http_status = models.PositiveSmallIntegerField(null=True)
    detail = models.CharField(max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return str(self.http_status or self.detail)
