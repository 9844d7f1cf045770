from django.db import models


class IdempotencyKey(models.Model):
    """The answer given to one write, kept so that a retry with the same MS-RequestId gets it again (rule 89)."""

    client_id = models.CharField(max_length=64)
    request_id = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client_id", "request_id"], name="request_answered_once")]
        indexes = [models.Index(fields=["created_at"], name="request_oldest_first")]

    def __str__(self) -> str:
        return self.request_id
