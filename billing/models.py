"""The ledger: charges are appended, chained and never changed."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import TruncDate

from customers.models import Customer
from partnerhub.outbox.models import Event
from publishers.models import Price
from subscriptions.models import BillingStart, Subscription


class ChargeType(models.TextChoices):
    """Rule 81, as far as this hub charges today."""

    NEW = "new"
    CANCEL_IMMEDIATE = "cancelImmediate"


class Charge(models.Model):
    """One line of money owed (negative: credited). Periods are UTC days, end exclusive; amounts before tax.

    `confirmation` proves that billing had started: the database ties `confirmed_at` to it and refuses a charge, or a
    period, that would begin earlier (rule 21).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="charges")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="charges")
    sequence = models.PositiveIntegerField()
    charge_type = models.CharField(max_length=32)
    cause = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="charges")
    confirmation = models.ForeignKey(BillingStart, on_delete=models.PROTECT, related_name="charges")
    confirmed_at = models.DateTimeField()
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversal")
    period_start = models.DateField()
    period_end = models.DateField()
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
            models.CheckConstraint(condition=Q(charge_type__in=ChargeType.values), name="charge_type_known"),
            models.CheckConstraint(
                condition=Q(recorded_at__gte=F("confirmed_at")), name="charge_not_before_confirmation"
            ),
            models.CheckConstraint(
                condition=Q(period_start__gte=TruncDate("confirmed_at")), name="charge_period_not_before_confirmation"
            ),
            models.CheckConstraint(condition=Q(period_end__gt=F("period_start")), name="charge_period_not_empty"),
            models.CheckConstraint(
                condition=Q(reverses=None, amount__gte=0) | Q(reverses__isnull=False, amount__lte=0),
                name="charge_credits_only_what_was_charged",
            ),
            models.UniqueConstraint(fields=["subscription", "sequence"], name="charge_sequence_once"),
            models.UniqueConstraint(
                fields=["subscription", "cause", "charge_type", "reverses"],
                nulls_distinct=False,
                name="charge_once_per_cause",
            ),
            models.UniqueConstraint(
                fields=["subscription", "period_start"], condition=Q(reverses=None), name="charge_period_once"
            ),
        ]
        indexes = [models.Index(fields=["customer", "-recorded_at"], name="charge_of_customer")]
        triggers = [pgtrigger.Protect(name="charge_append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.charge_type} {self.amount} {self.currency}"
