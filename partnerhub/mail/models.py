"""Outgoing mail as rows: written in the transaction of what it tells of, sent by a worker."""

import uuid

from django.db import models
from django.db.models import Q

_OVER = Q(next_attempt_at=None, lease_until=None)


class Message(models.Model):
    """A mail to one person. `key` names its occasion: "purpose:…"; the same key is never posted twice.

    `body` is sealed text and HTML. It may hold a personalised link, so it is forgotten once the mail is sent, or a week
    after the mail server would not take it. After `expires_at` the mail is of no use and is given up.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.CharField(max_length=200, unique=True)
    recipient = models.EmailField()
    language = models.CharField(max_length=5)
    subject = models.CharField(max_length=200)
    reply_to = models.EmailField(blank=True)
    body = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(sent_at=None, failed_at=None, next_attempt_at__isnull=False) & ~Q(body=b""))
                | (_OVER & Q(sent_at__isnull=False, failed_at=None, body=b""))
                | (_OVER & Q(sent_at=None, failed_at__isnull=False)),
                name="message_kept_until_sent_or_failed",
            )
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="message_due"),
            models.Index(fields=["failed_at"], condition=Q(failed_at__isnull=False), name="message_failed"),
        ]

    def __str__(self) -> str:
        return self.key
