"""Who wants to be told of what, what was told, and every delivery of it: rows, so nothing is told twice or lost."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from partnerhub.mail.models import Message
from partnerhub.notifications.enums import How, Kind, Topic
from publishers.models import Publisher
from subscriptions.models import Subscription

_WAITING = Q(next_attempt_at__isnull=False, delivered_at=None, failed_at=None)
_OVER = Q(next_attempt_at=None, lease_until=None)


class Preference(models.Model):
    """What a person has chosen; without a row the defaults of `wishes.py` hold. Times of day are those of `zone`."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="notification_preference"
    )
    only_own = models.BooleanField()
    by_mail = models.BooleanField(default=True)
    language = models.CharField(max_length=5)
    zone = models.CharField(max_length=64)
    digest_hour = models.PositiveSmallIntegerField()
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(digest_hour__lt=24), name="digest_hour_of_a_day"),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_have_both_ends",
            ),
        ]

    def __str__(self) -> str:
        return str(self.user_id)


class Choice(models.Model):
    """How a person wants to be told of one topic, where it is not the default of the person's roles."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_choices")
    topic = models.CharField(max_length=32)
    how = models.CharField(max_length=8)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "topic"], name="notification_choice_once_a_topic"),
            models.CheckConstraint(condition=Q(topic__in=list(Topic)), name="notification_choice_topic_known"),
            models.CheckConstraint(condition=Q(how__in=list(How)), name="notification_choice_how_known"),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.how}"


class Sighting(models.Model):
    """An open item as the hub first saw it: told of once, however often one looks. `over_at`: it is open no more.

    `facts` are the names of the moment: customer, offer, publisher.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    item = models.CharField(max_length=120)
    since = models.DateTimeField()
    topic = models.CharField(max_length=32)
    cause = models.CharField(max_length=32)
    subscription = models.ForeignKey(Subscription, null=True, on_delete=models.CASCADE, related_name="+")
    publisher = models.ForeignKey(Publisher, null=True, on_delete=models.CASCADE, related_name="+")
    facts = models.JSONField()
    seen_at = models.DateTimeField()
    over_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "since"], name="sighting_once")]
        indexes = [models.Index(fields=["item"], condition=Q(over_at=None), name="sighting_open")]

    def __str__(self) -> str:
        return f"{self.item} since {self.since:%Y-%m-%d %H:%M}"


class Notification(models.Model):
    """One thing told to one person: `key` names it, and the same is never told to the same person twice.

    `due_at` is when it is told outside of the hub, null for never; `told_at` when it was, or was left out because it
    had been read, or was over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    key = models.CharField(max_length=200)
    topic = models.CharField(max_length=32)
    sighting = models.ForeignKey(Sighting, null=True, on_delete=models.CASCADE, related_name="notifications")
    subscription = models.ForeignKey(Subscription, null=True, on_delete=models.CASCADE, related_name="+")
    publisher = models.ForeignKey(Publisher, null=True, on_delete=models.CASCADE, related_name="+")
    facts = models.JSONField()
    how = models.CharField(max_length=8)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="notification_once"),
            models.CheckConstraint(condition=Q(topic__in=list(Topic)), name="notification_topic_known"),
            models.CheckConstraint(
                condition=Q(told_at=None) | Q(due_at__isnull=False), name="notification_told_if_due"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="notification_newest_first"),
            models.Index(fields=["user"], condition=Q(read_at=None), name="notification_unread"),
            models.Index(fields=["due_at"], condition=Q(told_at=None, due_at__isnull=False), name="notification_due"),
        ]

    def __str__(self) -> str:
        return self.key


class Channel(models.Model):
    """Where else a person is told. Its address is a secret: kept sealed; `shown` is the part that may be seen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_channels")
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=80)
    address = models.BinaryField()
    shown = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=list(Kind)), name="channel_kind_known")]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """What a person is told in one go, by one way: a channel, or (without one) a mail, which is tried by itself.

    `content` is what is said (`contents.py`). It is tried until it is received, and given up after the last attempt.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notification_deliveries")
    channel = models.ForeignKey(Channel, null=True, on_delete=models.CASCADE, related_name="deliveries")
    message = models.OneToOneField(Message, null=True, on_delete=models.PROTECT, related_name="notification_delivery")
    is_test = models.BooleanField(default=False)
    content = models.JSONField()
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    channel=None, message__isnull=False, next_attempt_at=None, delivered_at=None, failed_at=None
                )
                | (
                    Q(channel__isnull=False, message=None)
                    & (
                        _WAITING
                        | (_OVER & Q(delivered_at__isnull=False, failed_at=None))
                        | (_OVER & Q(delivered_at=None, failed_at__isnull=False))
                    )
                ),
                name="notification_delivery_mail_or_tried",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="notification_delivery_due",
            ),
            models.Index(fields=["user", "-created_at", "-id"], name="notification_delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.created_at:%Y-%m-%d %H:%M}"
