import uuid

import pgtrigger
from django.db import models

from publishers.models import Publisher
from subscriptions.models.operation import Operation


class NoticeAttempt(models.Model):
    """One post to a publisher's webhook, as it was sent and answered. Append-only; a test event has no operation.

    `milliseconds` is the time until the answer was read; `http_status` is null when none came. `answer` is the
    beginning of what was said, free of secrets.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT, related_name="notice_attempts")
    operation = models.ForeignKey(Operation, null=True, on_delete=models.PROTECT, related_name="notice_attempts")
    number = models.PositiveIntegerField()
    sent_at = models.DateTimeField()
    sent_by = models.CharField(max_length=200)
    webhook_url = models.CharField(max_length=500)
    payload = models.JSONField()
    outcome = models.CharField(max_length=16)
    http_status = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField()
    answer = models.CharField(max_length=500, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["publisher", "-sent_at", "-id"], name="notice_of_publisher"),
            models.Index(fields=["operation", "sent_at"], name="notice_of_operation"),
        ]
        triggers = [pgtrigger.Protect(name="notice_attempt_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.sent_at:%Y-%m-%d %H:%M:%S} {self.outcome}"
