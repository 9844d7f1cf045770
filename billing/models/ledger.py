"""The ledger: charges are appended, chained and never changed; and how far each subscription is charged."""

import uuid

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import TruncDate

from billing.enums import ChargeType
from customers.models import Customer
from partnerhub.outbox.models import Event
from publishers.models import PlanTerm, Price
from subscriptions.models import BillingStart, Subscription

# The charge is locked, so that two credits at one moment are added up one after the other.
_CREDIT_WITHIN_CHARGE = """
    SELECT * INTO charged FROM billing_charge WHERE id = NEW.reverses_id FOR NO KEY UPDATE;
    IF charged.reverses_id IS NOT NULL OR charged.subscription_id <> NEW.subscription_id
       OR charged.currency <> NEW.currency
       OR NEW.period_start < charged.period_start OR NEW.period_end > charged.period_end
       OR charged.amount + (SELECT SUM(amount) FROM billing_charge WHERE reverses_id = charged.id) < 0
    THEN RAISE EXCEPTION 'charge_credit_within_its_charge: %', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""


class Charge(models.Model):
    """One line of money owed (negative: credited). Periods are UTC days, end exclusive; amounts before tax.

    `confirmation` proves that billing had started: the database ties `confirmed_at` to it and refuses a charge, or a
    period, that would begin earlier (rule 21). A credit names the charge that it `reverses`, for no more than is left
    of it. `billing_days` of `cycle_days` are charged (rule 76); both are null for whole periods of the first rows.
    `reference_id` joins what a change wipes with what it charges anew (rule 78).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="charges")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="charges")
    sequence = models.PositiveIntegerField()
    charge_type = models.CharField(max_length=32)
    cause = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="charges")
    confirmation = models.ForeignKey(BillingStart, on_delete=models.PROTECT, related_name="charges")
    confirmed_at = models.DateTimeField()
    reverses = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="reversals")
    reference_id = models.UUIDField(null=True)
    period_start = models.DateField()
    period_end = models.DateField()
    billing_days = models.PositiveSmallIntegerField(null=True)
    cycle_days = models.PositiveSmallIntegerField(null=True)
    quantity = models.PositiveIntegerField()
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    unit_price = models.DecimalField(max_digits=14, decimal_places=4)
    effective_unit_price = models.DecimalField(max_digits=14, decimal_places=4)
    amount = models.DecimalField(max_digits=14, decimal_places=4)
    currency = models.CharField(max_length=3)
    rounding = models.CharField(max_length=8, default="line")
    reseller_partner_id = models.CharField(max_length=16, blank=True)
    recorded_at = models.DateTimeField()
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(charge_type__in=list(ChargeType)), name="charge_type_known"),
            models.CheckConstraint(
                condition=Q(recorded_at__gte=F("confirmed_at")), name="charge_not_before_confirmation"
            ),
            models.CheckConstraint(
                condition=Q(period_start__gte=TruncDate("confirmed_at")), name="charge_period_not_before_confirmation"
            ),
            models.CheckConstraint(
                condition=Q(period_start__lte=TruncDate("recorded_at")), name="charge_period_has_begun"
            ),
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="charge_period_not_empty"),
            models.CheckConstraint(
                condition=Q(billing_days=None, cycle_days=None)
                | Q(billing_days__gte=1, billing_days__lte=F("cycle_days")),
                name="charge_days_within_cycle",
            ),
            models.CheckConstraint(
                condition=Q(reverses=None, amount__gte=0) | Q(reverses__isnull=False, amount__lte=0),
                name="charge_credits_only_what_was_charged",
            ),
            models.UniqueConstraint(fields=["subscription", "sequence"], name="charge_sequence_once"),
            models.UniqueConstraint(
                fields=["subscription", "cause", "charge_type", "reverses", "period_start", "price"],
                nulls_distinct=False,
                name="charge_once_per_cause",
            ),
            models.UniqueConstraint(
                fields=["subscription", "period_start", "price"],
                condition=Q(reverses=None, reference_id=None),
                name="charge_period_once",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-recorded_at"], name="charge_of_customer"),
            BrinIndex(fields=["recorded_at"], name="charge_recorded", autosummarize=True, pages_per_range=32),
        ]
        triggers = [
            pgtrigger.Protect(name="charge_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="charge_credit_within_its_charge",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                condition=pgtrigger.Q(new__reverses__isnull=False),
                declare=[("charged", "billing_charge%ROWTYPE")],
                func=_CREDIT_WITHIN_CHARGE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.charge_type} {self.amount} {self.currency}"


class Account(models.Model):
    """How far a subscription is charged, and by what: the row that the tick of new cycles finds. Days are UTC.

    `heard` is the sequence of the last event that was taken in. `charged_through` is exclusive. `next_charge_on` is
    null when nothing more is charged in this term. `opened_by` began the term. `added` lists those of the licences
    that have a price of their own until the term ends: `{"price", "unit_price", "quantity"}`, the oldest first.
    """

    subscription = models.OneToOneField(
        Subscription, primary_key=True, on_delete=models.PROTECT, related_name="billing_account"
    )
    heard = models.PositiveIntegerField()
    opened_by = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    plan_term = models.ForeignKey(PlanTerm, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    unit_price = models.DecimalField(max_digits=14, decimal_places=4)
    quantity = models.PositiveIntegerField()
    partner_id = models.CharField(max_length=16, blank=True)
    rounding = models.CharField(max_length=8, default="line", db_default="line")
    added = models.JSONField(default=list, db_default=[])
    term_start = models.DateField()
    term_end = models.DateField()
    paid_from = models.DateField()
    changed_on = models.DateField()
    charged_through = models.DateField()
    in_trial = models.BooleanField(default=False)
    is_open = models.BooleanField(default=True)
    next_charge_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(next_charge_on=None)
                | Q(is_open=True, next_charge_on=F("charged_through"), next_charge_on__lt=F("term_end")),
                name="account_charged_next_where_it_ended",
            ),
            models.CheckConstraint(condition=Q(term_end__gt=F("term_start")), name="account_term_not_empty"),
        ]
        indexes = [
            models.Index(fields=["next_charge_on"], condition=Q(next_charge_on__isnull=False), name="account_due")
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} charged through {self.charged_through}"
