from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from partnerhub.mail.models import Message
from publishers.models import Publisher
from subscriptions.models.subscription import Subscription


class AttentionItem(models.Model):
    """Why somebody must act, one row for each subscription (or publisher) and cause. A view of the database: it is
    derived from the rows that are the cause, so it opens and closes in their transaction and can never be stale.

    `cause` is the blocking gate's reason or a `Cause`; `subject_id` is the row behind it: an operation, a request, a
    divergence. `since` and `due_at` (UTC) are those of the cause; `subscriptions/attending.py` adds what depends on
    policies and on the time. `weight` is what one billing cycle costs, before tax, not rounded.
    """

    id = models.CharField(max_length=120, primary_key=True)
    cause = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    subscription = models.ForeignKey(Subscription, null=True, on_delete=models.DO_NOTHING, related_name="attention")
    customer_id = models.UUIDField(null=True)
    publisher = models.ForeignKey(Publisher, on_delete=models.DO_NOTHING, related_name="attention")
    offer_id = models.UUIDField(null=True)
    plan_id = models.UUIDField(null=True)
    term = models.CharField(max_length=3)
    owner = models.CharField(max_length=16)
    remedy = models.CharField(max_length=32)
    message = models.CharField(max_length=500)
    action_url = models.CharField(max_length=1000)
    since = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    renews_on = models.DateField(null=True)
    weight = models.DecimalField(max_digits=20, decimal_places=4)
    currency = models.CharField(max_length=3)
    # What `open_items` adds.
    deadline: datetime | None
    opened_at: datetime
    band: int

    class Meta:
        managed = False
        db_table = "subscriptions_attention"

    def __str__(self) -> str:
        return self.id


class RankedItem(models.Model):
    """An item of a subscription once more, in its place among all, so that the most urgent are read without ranking
    every one: `subscriptions/ranking.py`. What opens within a day is here too; it has no `rank` yet.

    `rank` is that of `attending.ranked` when it was written; from `moves_at` (UTC) on time alone has changed it.
    """

    id = models.CharField(max_length=120, primary_key=True)
    cause = models.CharField(max_length=32)
    owner = models.CharField(max_length=16)
    subscription = models.ForeignKey(Subscription, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    customer_id = models.UUIDField()
    publisher = models.ForeignKey(
        Publisher, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    since = models.DateTimeField()
    rank = models.CharField(max_length=64, null=True)
    moves_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["rank", "id"],
                include=["subscription", "cause", "since"],
                condition=Q(rank__isnull=False),
                name="ranked_item_urgent_first",
            ),
            models.Index(fields=["cause", "rank", "id"], name="ranked_item_of_cause"),
            models.Index(fields=["moves_at"], condition=Q(moves_at__isnull=False), name="ranked_item_moves"),
        ]

    def __str__(self) -> str:
        return self.id


class TouchedSubscription(models.Model):
    """A subscription of which a row has changed since its items were ranked. The database notes it in the transaction
    of the change (`subscriptions_touch`), whoever makes it; until it is ranked again its items are read from the view.
    """

    subscription_id = models.UUIDField()

    def __str__(self) -> str:
        return str(self.subscription_id)


class Ranking(models.Model):
    """When all items were ranked, and until when (exclusive) that holds; one row. A change of a policy ends it."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    ranked_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="ranking_only_one")]

    def __str__(self) -> str:
        return str(self.until)


class Triage(models.Model):
    """What people have made of an attention item: who takes it, and until when it is put aside.

    `since` is that of the item when it was put aside: an item that came back for another reason is not. With
    `snoozed_until` null a snoozed item stays aside until it changes.
    """

    item = models.CharField(max_length=120, primary_key=True)
    subscription = models.ForeignKey(Subscription, null=True, on_delete=models.PROTECT, related_name="triages")
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="triages")
    snoozed = models.BooleanField(default=False)
    snoozed_until = models.DateTimeField(null=True)
    since = models.DateTimeField()
    changed_by = models.CharField(max_length=200)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(snoozed=True) | Q(snoozed_until=None), name="triage_snoozed_until"),
            models.CheckConstraint(
                condition=Q(snoozed_until=None) | Q(snoozed_until__gt=F("changed_at")), name="triage_snoozed_ahead"
            ),
        ]
        indexes = [models.Index(fields=["-changed_at"], name="triage_newest_first")]

    def __str__(self) -> str:
        return self.item


class RenewalNotice(models.Model):
    """A customer was told of a coming renewal, `days_before` the term ends: once for each reader. The message proves
    that it was sent; without a message nobody could be told, `why` says why.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="renewal_notices")
    term_end = models.DateField()
    days_before = models.PositiveSmallIntegerField()
    reader = models.CharField(max_length=64, blank=True)
    message = models.OneToOneField(Message, null=True, on_delete=models.PROTECT, related_name="renewal_notice")
    why = models.CharField(max_length=32, blank=True)
    noticed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "term_end", "days_before", "reader"], name="renewal_notice_once"
            ),
            models.CheckConstraint(
                condition=Q(message__isnull=False, why="") | (Q(message=None) & ~Q(why="")),
                name="renewal_notice_sent_or_why_not",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id}: {self.days_before} days before {self.term_end}"
