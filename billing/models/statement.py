"""What publishers state that they delivered, as it was imported; compared with the ledger, never part of it."""

import uuid

from django.db import models
from django.db.models import Q

from publishers.models import Publisher
from subscriptions.models import Subscription


class Statement(models.Model):
    """A publisher's statement, known by the publisher's own id of it; importing it again changes what has changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT, related_name="statements")
    statement_id = models.CharField(max_length=100)
    imported_at = models.DateTimeField()
    imported_by = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["publisher", "statement_id"], name="statement_once")]
        indexes = [models.Index(fields=["-imported_at", "-id"], name="statement_newest_first")]

    def __str__(self) -> str:
        return self.statement_id


class StatementLine(models.Model):
    """A line of a statement: licences and an amount before tax for one subscription and calendar month.

    `number` is the line's in the file, the heading being 1. `named` is the subscription's id as it was written;
    `subscription` is empty where the publisher has none of that id. `month` is its first day.
    """

    id = models.BigAutoField(primary_key=True)
    statement = models.ForeignKey(Statement, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveIntegerField()
    named = models.CharField(max_length=100)
    subscription = models.ForeignKey(Subscription, null=True, on_delete=models.PROTECT, related_name="statement_lines")
    month = models.DateField()
    quantity = models.PositiveIntegerField()
    amount = models.DecimalField(max_digits=14, decimal_places=4)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement", "number"], name="statement_line_once"),
            models.CheckConstraint(condition=Q(month__day=1), name="statement_line_of_a_month"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="statement_line_currency_iso"),
        ]
        indexes = [models.Index(fields=["statement", "subscription", "month"], name="statement_line_of_month")]

    def __str__(self) -> str:
        return f"{self.number}: {self.named} {self.month:%Y-%m}"


class Comparison(models.Model):
    """What a statement's lines of a subscription and month say together, and what the ledger says: a view of the
    database (billing/migrations/0010_comparisons.py), read for one statement at a time.

    Amounts are sums of the month; ours are null where nothing was charged in it.
    """

    line = models.OneToOneField(StatementLine, primary_key=True, on_delete=models.DO_NOTHING, related_name="comparison")
    statement = models.ForeignKey(Statement, on_delete=models.DO_NOTHING, related_name="+")
    ours = models.DecimalField(max_digits=16, decimal_places=4, null=True)
    our_quantity = models.PositiveIntegerField(null=True)
    our_currency = models.CharField(max_length=3, null=True)
    theirs = models.DecimalField(max_digits=16, decimal_places=4)
    their_quantity = models.PositiveIntegerField()

    class Meta:
        managed = False
        db_table = "billing_comparison"

    def __str__(self) -> str:
        return f"{self.ours} / {self.theirs}"
