"""The event log and its outbox: what happened, in order, and who still has to hear of it."""

import uuid

import pgtrigger
from django.db import models

SCHEDULER, WORKER = "scheduler", "worker"  # names of heartbeats; a worker's goes on with its host


class Event(models.Model):
    """One fact of one stream (a subscription, a cart, a customer), never changed; chained by hash within its stream."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    stream_type = models.CharField(max_length=32)
    stream_id = models.UUIDField()
    sequence = models.PositiveIntegerField()
    name = models.CharField(max_length=64)
    data = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, blank=True)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    actor_role = models.CharField(max_length=32)
    request_id = models.CharField(max_length=64, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stream_id", "sequence"], name="event_sequence_once_per_stream"),
            models.CheckConstraint(condition=models.Q(sequence__gte=1), name="event_sequence_from_one"),
            models.CheckConstraint(
                condition=models.Q(sequence=1, previous_hash="")
                | (models.Q(sequence__gt=1) & ~models.Q(previous_hash="")),
                name="event_chained_to_its_predecessor",
            ),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="event_newest_first"),
            models.Index(fields=["request_id"], condition=~models.Q(request_id=""), name="event_of_request"),
            models.Index(
                fields=["correlation_id"], condition=~models.Q(correlation_id=""), name="event_of_correlation"
            ),
        ]
        triggers = [pgtrigger.Protect(name="event_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.name} #{self.sequence}"


class Refusal(models.Model):
    """An attempt that was refused and so changed nothing: who tried what, at which door, and why not. Never changed.

    `tried` names the act alike wherever it was tried ("POST subscriptions/nickname"), `path` the address with its ids;
    `asked` holds the values given, without secrets; `values` are those of the refusal's sentence.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    door = models.CharField(max_length=16)
    tried = models.CharField(max_length=100)
    path = models.CharField(max_length=300)
    asked = models.JSONField(default=dict)
    stream_type = models.CharField(max_length=32, blank=True)
    stream_id = models.UUIDField(null=True)
    code = models.CharField(max_length=64)
    values = models.JSONField(default=dict)
    sentence = models.CharField(max_length=500)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    actor_role = models.CharField(max_length=32)
    request_id = models.CharField(max_length=64, blank=True)
    correlation_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["actor_id", "request_id", "tried", "path", "code"],
                condition=~models.Q(request_id=""),
                name="refusal_once_per_request",
            ),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="refusal_newest_first"),
            models.Index(fields=["stream_id", "-at"], name="refusal_of_stream"),
            models.Index(fields=["request_id"], name="refusal_of_request"),
            models.Index(fields=["correlation_id"], name="refusal_of_correlation"),
        ]
        triggers = [pgtrigger.Protect(name="refusal_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.tried}: {self.code}"


class Entry(models.Model):
    """One line of the audit: an event, or a refused attempt (`code` is set). A view of the database, read only."""

    id = models.UUIDField(primary_key=True)
    stream_type = models.CharField(max_length=32)
    stream_id = models.UUIDField(null=True)
    sequence = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    data = models.JSONField()
    reason = models.CharField(max_length=500)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.CharField(max_length=64)
    actor_label = models.CharField(max_length=200)
    actor_role = models.CharField(max_length=32)
    request_id = models.CharField(max_length=64)
    correlation_id = models.CharField(max_length=64)
    at = models.DateTimeField()
    door = models.CharField(max_length=16)
    path = models.CharField(max_length=300)
    code = models.CharField(max_length=64)
    values = models.JSONField()
    sentence = models.CharField(max_length=500)

    class Meta:
        managed = False
        db_table = "outbox_entry"

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One consumer's duty to hear one event; `handler` names the consumer, a module of handlers.

    A consumer hears the events of one stream strictly in their order: a refund never overtakes its charge.
    """

    # Its unique constraint begins with it: no index of its own.
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    handler = models.CharField(max_length=100)
    stream_id = models.UUIDField()
    sequence = models.PositiveIntegerField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="delivery_once_per_event_and_handler")]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=models.Q(delivered_at=None), name="delivery_due"),
            models.Index(
                fields=["stream_id", "handler", "sequence"],
                condition=models.Q(delivered_at=None),
                name="delivery_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handler} <- {self.event_id}"


class Heartbeat(models.Model):
    """When a process of the hub was last seen at work."""

    name = models.CharField(max_length=32, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
