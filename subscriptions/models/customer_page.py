import uuid

from django.db import models
from django.db.models import F, Q

from partnerhub.mail.models import Message
from subscriptions.models.subscription import Subscription


class LetterTemplate(models.Model):
    """The words in which a customer is sent its page, for one language; without a row those of the hub are used."""

    language = models.CharField(max_length=5, primary_key=True)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    version = models.PositiveIntegerField(default=1)
    changed_by = models.CharField(max_length=200)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.language


class CustomerPage(models.Model):
    """A page for a customer's contact, sent by mail and opened without a sign-in. Its address is a secret: of the token
    in it only the SHA-256 is kept. It works until it expires, is revoked, or the purchase waits no more.

    `opened_at` is when its way to the publisher's site was first used.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="customer_pages")
    token_hash = models.CharField(max_length=64, unique=True)
    recipient = models.EmailField()
    language = models.CharField(max_length=5)
    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="customer_page")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)
    asked_again_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("made_at")), name="customer_page_expires_after_its_making"
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by="") | (Q(revoked_at__isnull=False) & ~Q(revoked_by="")),
                name="customer_page_revoked_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["subscription", "-made_at"], name="customer_page_newest_first")]

    def __str__(self) -> str:
        return f"{self.subscription_id}: {self.recipient}"


class SetupAnswers(models.Model):
    """What a customer's contact has answered before the set-up, by the key of the question: {"label", "value"}.

    `completed_at` is set while nothing that is required is missing.
    """

    subscription = models.OneToOneField(
        Subscription, primary_key=True, on_delete=models.PROTECT, related_name="setup_answers"
    )
    answers = models.JSONField()
    answered_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.subscription_id)
