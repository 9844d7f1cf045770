import uuid
from datetime import UTC, date

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, TruncDate

from customers.models import Customer, IndirectReseller
from publishers.models import Offer, Plan, PlanTerm, Price, Publisher
from subscriptions.enums import EndReason, Status, TrancheCause
from subscriptions.models.order import OrderLine

_SUM_OF_TRANCHES = """
    IF (SELECT quantity FROM subscriptions_subscription WHERE id = {row}.{key}) IS DISTINCT FROM
       (SELECT SUM(quantity) FROM subscriptions_seattranche WHERE subscription_id = {row}.{key})
    THEN RAISE EXCEPTION 'tranches_sum_to_quantity: subscription %%', {row}.{key} USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""

_NICKNAME_KEPT = """
    INSERT INTO subscriptions_nickname (subscription_id, text) VALUES (NEW.id, NEW.nickname)
    ON CONFLICT (subscription_id) DO UPDATE SET text = EXCLUDED.text;
    RETURN NULL;
"""

_BATCH_HOLDS = """
    IF (SELECT SUM(quantity) FROM subscriptions_seattranche
         WHERE (id = NEW.batch_id OR batch_id = NEW.batch_id) AND subscription_id = NEW.subscription_id) < 0
       OR NOT EXISTS (SELECT FROM subscriptions_seattranche
                       WHERE id = NEW.batch_id AND batch_id IS NULL AND subscription_id = NEW.subscription_id)
    THEN RAISE EXCEPTION 'tranche_batch_not_overdrawn: batch %', NEW.batch_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""


def _sum_trigger(row: str, key: str, operation: pgtrigger.Operation) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="tranches_sum_to_quantity",
        operation=operation,
        when=pgtrigger.After,
        timing=pgtrigger.Deferred,
        func=_SUM_OF_TRANCHES.format(row=row, key=key).replace("%%", "%"),
    )


# The moment from which on a subscription is in its status.
STATUS_SINCE = Coalesce("ended_at", "suspended_at", "activated_at", "purchased_at")


class Subscription(models.Model):
    """Licences of one plan for one customer. Term dates are UTC days, end exclusive, fixed at activation (rule 23)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Indexed together with what lists are sorted by, or not at all where nobody looks for it: a status writes them all.
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="subscriptions", db_index=False)
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT, related_name="subscriptions", db_index=False)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions", db_index=False)
    plan_term = models.ForeignKey(PlanTerm, on_delete=models.PROTECT, related_name="subscriptions", db_index=False)
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+", db_index=False)
    unit_price = models.DecimalField(max_digits=14, decimal_places=4)
    currency = models.CharField(max_length=3)
    order_line = models.OneToOneField(OrderLine, on_delete=models.PROTECT, related_name="subscription")

    nickname = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    auto_renew = models.BooleanField(default=True)
    reseller = models.ForeignKey(
        IndirectReseller, null=True, on_delete=models.PROTECT, related_name="subscriptions", db_index=False
    )
    one_per_customer = models.BooleanField(default=False)

    status = models.CharField(max_length=32, default=Status.PENDING)
    purchased_at = models.DateTimeField()
    activate_by = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)
    term_start = models.DateField(null=True)
    term_end = models.DateField(null=True)
    # Where the terms are counted from, so that 31 January leads to 28 February and on to 31 March.
    term_anchor = models.DateField(null=True)
    # The first day that is not free; null without a trial, and once another plan has ended it early (rule 66).
    trial_ends = models.DateField(null=True)
    # Until the trial is over, and it is decided whether the paid term begins or nothing follows (rule 65).
    on_trial = models.BooleanField(default=False)
    suspended_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=16, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=list(Status)), name="subscription_status_known"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="subscription_quantity_positive"),
            models.CheckConstraint(
                condition=Q(activated_at=None, term_start=None, term_end=None, term_anchor=None)
                | Q(activated_at__isnull=False, term_start__gte=F("term_anchor"), term_end__isnull=False),
                name="subscription_term_fixed_at_activation",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.PENDING, activated_at=None)
                | Q(status__in=[Status.SUBSCRIBED, Status.SUSPENDED], activated_at__isnull=False)
                | Q(status=Status.UNSUBSCRIBED),
                name="subscription_active_only_when_activated",
            ),
            models.CheckConstraint(
                condition=Q(activated_at=None) | Q(activated_at__gte=F("purchased_at")),
                name="subscription_not_activated_before_purchase",
            ),
            models.CheckConstraint(
                condition=Q(term_end=None) | Q(term_end__gt=F("term_start")), name="subscription_term_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(trial_ends=None, on_trial=False) | Q(trial_ends__gt=TruncDate("activated_at")),
                name="subscription_trial_from_its_activation",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.UNSUBSCRIBED, ended_at__isnull=False, end_reason__in=list(EndReason))
                | (~Q(status=Status.UNSUBSCRIBED) & Q(ended_at=None, end_reason="")),
                name="subscription_ended_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.SUSPENDED, suspended_at__isnull=False)
                | (~Q(status=Status.SUSPENDED) & Q(suspended_at=None)),
                name="subscription_suspended_since",
            ),
            models.UniqueConstraint(
                fields=["customer", "offer"],
                condition=Q(one_per_customer=True) & ~Q(status=Status.UNSUBSCRIBED),
                name="subscription_once_per_customer",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-purchased_at", "-id"], name="subscription_of_customer"),
            models.Index(fields=["publisher", "-purchased_at", "-id"], name="subscription_of_publisher"),
            models.Index(fields=["-purchased_at", "-id"], name="subscription_newest_first"),
            models.Index(fields=["reseller"], condition=Q(reseller__isnull=False), name="subscription_of_reseller"),
            models.Index(fields=["quantity", "id"], name="subscription_by_quantity"),
            models.Index(STATUS_SINCE, "id", name="subscription_by_since"),
            models.Index(fields=["term_end", "id"], name="subscription_by_end"),
            models.Index(F("term_end").desc(nulls_last=True), F("id").desc(), name="subscription_by_end_desc"),
            models.Index(fields=["status", "-purchased_at", "-id"], name="subscription_by_status"),
            models.Index(
                fields=["-purchased_at", "-id"], condition=Q(auto_renew=False), name="subscription_not_renewed"
            ),
            models.Index(fields=["activate_by"], condition=Q(status=Status.PENDING), name="subscription_overdue"),
            models.Index(
                fields=["term_end", "id"],
                condition=Q(status__in=[Status.SUBSCRIBED, Status.SUSPENDED]),
                name="subscription_term_ends",
            ),
            models.Index(fields=["trial_ends", "id"], condition=Q(on_trial=True), name="subscription_trial_ends"),
            models.Index(
                fields=["suspended_at", "id"],
                condition=Q(status=Status.SUSPENDED),
                name="subscription_suspended_longest",
            ),
        ]
        triggers = [
            _sum_trigger("NEW", "id", pgtrigger.Insert | pgtrigger.UpdateOf("quantity")),
            pgtrigger.Trigger(
                name="nickname_kept",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("nickname"),
                when=pgtrigger.After,
                func=_NICKNAME_KEPT,
            ),
        ]

    def __str__(self) -> str:
        return self.nickname

    @property
    def trial_days(self) -> int:
        """Free days from the activation on: those of the plan that was ordered, none once a plan without trial has
        ended them (rule 66).
        """
        if self.activated_at is None:
            return self.order_line.plan_term.plan.trial_days
        return (self.trial_ends - self.activated_at.astimezone(UTC).date()).days if self.trial_ends else 0

    @property
    def runs_until(self) -> date | None:
        """The UTC day (exclusive) on which the next term begins or all ends: that of the trial without auto-renew
        (rule 65). None before the activation.
        """
        if self.on_trial and not self.auto_renew and self.trial_ends and self.term_end:
            return min(self.trial_ends, self.term_end)
        return self.term_end


class SeatTranche(models.Model):
    """Seats opened together, append-only: their sum is the subscription's quantity at every commit.

    A negative row takes seats out of the `batch` that it names, never more than it still holds.
    """

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="tranches")
    quantity = models.IntegerField()
    cause = models.CharField(max_length=16)
    batch = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="reductions")
    opened_at = models.DateTimeField()
    reducible_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(quantity__gt=0, batch=None) | Q(quantity__lt=0, batch__isnull=False),
                name="tranche_reduces_a_batch",
            ),
            models.CheckConstraint(condition=~Q(quantity=0), name="tranche_not_empty"),
            models.CheckConstraint(condition=Q(cause__in=list(TrancheCause)), name="tranche_cause_known"),
        ]
        triggers = [
            pgtrigger.Protect(name="tranche_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            _sum_trigger("NEW", "subscription_id", pgtrigger.Insert),
            pgtrigger.Trigger(
                name="tranche_batch_not_overdrawn",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                condition=pgtrigger.Q(new__batch__isnull=False),
                func=_BATCH_HOLDS,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity}"


class PurchaseToken(models.Model):
    """A personalised link's token, kept only as SHA-256; lives 24 h and resolves as often as asked (rule 20)."""

    token_hash = models.CharField(max_length=64, primary_key=True)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="purchase_tokens")
    minted_at = models.DateTimeField()
    minted_by = models.CharField(max_length=200)
    expires_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("minted_at")), name="token_expires_after_minting")
        ]
        indexes = [models.Index(fields=["subscription", "-minted_at"], name="token_newest_first")]

    def __str__(self) -> str:
        return f"{self.token_hash[:8]}…"
