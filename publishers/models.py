"""Publishers with their offers, plans and prices, and the policies that govern them as dated data."""

import uuid

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from accounts.models import Client
from publishers.policy_kinds import LONGEST_VALUE


class Adapter(models.TextChoices):
    """How a publisher's confirmation reaches us: we poll it, it calls us, or licences polled and set-up called."""

    POLL = "saas_v2_poll"
    PUSH = "saas_v2_push"
    BOTH = "both"


class Circuit(models.TextChoices):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CallKind(models.TextChoices):
    """Why a publisher is called: to ask, to have something changed, or to tell its webhook."""

    ASK = "ask"
    CHANGE = "change"
    NOTICE = "notice"


class Publisher(models.Model):
    """An ISV. Its circuit is shared by all workers: while open, nobody asks it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200, unique=True)
    adapter = models.CharField(max_length=16, choices=Adapter)
    fulfillment_base_url = models.URLField(max_length=500, blank=True)
    landing_url = models.URLField(max_length=500)
    webhook_url = models.URLField(max_length=500, blank=True)
    client = models.OneToOneField(Client, on_delete=models.PROTECT, related_name="publisher")
    contact_email = models.EmailField(blank=True)
    max_concurrency = models.PositiveSmallIntegerField(default=20)
    # Calls a second over all workers; null: as many as come. `paced_until` is when the next one may go out.
    max_per_second = models.PositiveSmallIntegerField(null=True)
    paced_until = models.DateTimeField(null=True)

    circuit = models.CharField(max_length=16, choices=Circuit, default=Circuit.CLOSED)
    circuit_retry_at = models.DateTimeField(null=True)
    consecutive_failures = models.PositiveIntegerField(default=0)
    last_success_at = models.DateTimeField(null=True)
    last_failure_at = models.DateTimeField(null=True)
    last_failure = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(adapter__in=Adapter.values), name="publisher_adapter_known"),
            models.CheckConstraint(
                condition=Q(adapter=Adapter.PUSH) | ~Q(fulfillment_base_url=""), name="publisher_polled_has_an_address"
            ),
            models.CheckConstraint(
                condition=~Q(landing_url__contains="#"), name="publisher_landing_url_without_fragment"
            ),
            models.CheckConstraint(
                condition=Q(max_per_second=None) | Q(max_per_second__gte=1), name="publisher_rate_positive"
            ),
            models.CheckConstraint(
                condition=Q(circuit=Circuit.CLOSED) | Q(circuit_retry_at__isnull=False),
                name="publisher_circuit_has_a_retry_time",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_polled(self) -> bool:
        return self.adapter in (Adapter.POLL, Adapter.BOTH)


class CallTally(models.Model):
    """What came of calls to a publisher within an hour (UTC, `hour` is its first moment), for each kind and outcome."""

    publisher = models.ForeignKey(Publisher, on_delete=models.CASCADE, related_name="call_tallies")
    hour = models.DateTimeField()
    kind = models.CharField(max_length=16)
    outcome = models.CharField(max_length=16)
    calls = models.PositiveIntegerField()
    milliseconds = models.PositiveBigIntegerField()
    slowest_milliseconds = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["publisher", "hour", "kind", "outcome"], name="call_tally_once"),
            models.CheckConstraint(condition=Q(kind__in=CallKind.values), name="call_tally_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome}: {self.calls}"


class Offer(models.Model):
    """What a publisher sells; a `product` of the API. `countries` empty means everywhere."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    publisher = models.ForeignKey(Publisher, on_delete=models.PROTECT, related_name="offers")
    offer_id = models.CharField(max_length=50)
    product_id = models.CharField(max_length=16, unique=True)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    countries = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    one_per_customer = models.BooleanField(default=False)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["publisher", "offer_id"], name="offer_once_per_publisher")]

    def __str__(self) -> str:
        return self.title

    def is_sold_in(self, country: str) -> bool:
        return not self.countries or country in self.countries


class Pricing(models.TextChoices):
    PER_USER = "per_user"
    FLAT_RATE = "flat_rate"


class Plan(models.Model):
    """A plan of an offer; a `SKU` of the API. Quantity limits are inclusive."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="plans")
    plan_id = models.CharField(max_length=50)
    sku_id = models.CharField(max_length=8)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    pricing = models.CharField(max_length=16, choices=Pricing)
    min_quantity = models.PositiveIntegerField()
    max_quantity = models.PositiveIntegerField()
    trial_days = models.PositiveSmallIntegerField(default=0)
    # What its customers are asked before the set-up (publishers/setup_questions.py).
    setup_questions = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["offer", "plan_id"], name="plan_once_per_offer"),
            models.UniqueConstraint(fields=["offer", "sku_id"], name="sku_once_per_product"),
            models.CheckConstraint(
                condition=Q(min_quantity__gte=1, max_quantity__gte=F("min_quantity")), name="plan_quantity_range"
            ),
            models.CheckConstraint(condition=Q(pricing__in=Pricing.values), name="plan_pricing_known"),
        ]

    def __str__(self) -> str:
        return self.title

    def takes(self, quantity: int) -> bool:
        """Whether so many licences can be bought (rule 3)."""
        return self.min_quantity <= quantity <= self.max_quantity


class Term(models.TextChoices):
    P1M = "P1M"
    P1Y = "P1Y"
    P2Y = "P2Y"
    P3Y = "P3Y"


class BillingCycle(models.TextChoices):
    MONTHLY = "monthly"
    ANNUAL = "annual"
    ONE_TIME = "one_time"


class PlanTerm(models.Model):
    """One way to buy a plan: its term and how often it is billed; an `availability` of the API."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="terms")
    term = models.CharField(max_length=3, choices=Term)
    billing_cycle = models.CharField(max_length=8, choices=BillingCycle)
    availability_id = models.CharField(max_length=16, unique=True)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "term", "billing_cycle"], name="term_once_per_plan"),
            models.CheckConstraint(condition=Q(term__in=Term.values), name="term_known"),
            models.CheckConstraint(condition=Q(billing_cycle__in=BillingCycle.values), name="billing_cycle_known"),
            # Rule 72: one month is paid at once; a cycle never outlasts its term.
            models.CheckConstraint(
                condition=~Q(term=Term.P1M, billing_cycle=BillingCycle.ANNUAL), name="billing_cycle_within_term"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.term} {self.billing_cycle}"

    @property
    def catalog_item_id(self) -> str:
        """The catalogItemId that a cart line names: product, SKU and availability."""
        return f"{self.plan.offer.product_id}:{self.plan.sku_id}:{self.availability_id}"


class Price(models.Model):
    """What one licence (or the flat rate) costs for one billing cycle. Valid from inclusive, to exclusive, UTC."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan_term = models.ForeignKey(PlanTerm, on_delete=models.PROTECT, related_name="prices")
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=14, decimal_places=4)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0, amount__lt=10_000_000), name="price_not_absurd"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="price_currency_iso"),
            ExclusionConstraint(
                name="price_unambiguous",
                expressions=[
                    ("plan_term", RangeOperators.EQUAL),
                    ("currency", RangeOperators.EQUAL),
                    (
                        Func("valid_from", "valid_to", function="tstzrange", output_field=DateTimeRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


# From the moment on at which the row began one row follows another, the last without an end.
_WITHOUT_GAPS = """
    IF NOT EXISTS (SELECT FROM publishers_policy
                    WHERE name = OLD.name AND num_nonnulls(plan_id, offer_id, publisher_id) = 0 AND term = ''
                      AND valid_from <= OLD.valid_from AND (valid_to IS NULL OR valid_to > OLD.valid_from))
       OR EXISTS (SELECT FROM publishers_policy ended
                   WHERE name = OLD.name AND num_nonnulls(plan_id, offer_id, publisher_id) = 0 AND term = ''
                     AND valid_to > OLD.valid_from
                     AND NOT EXISTS (SELECT FROM publishers_policy following
                                      WHERE name = OLD.name AND term = ''
                                        AND num_nonnulls(plan_id, offer_id, publisher_id) = 0
                                        AND valid_from <= ended.valid_to
                                        AND (valid_to IS NULL OR valid_to > ended.valid_to)))
    THEN RAISE EXCEPTION 'hub_policy_without_gaps: %', OLD.name USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""


class Policy(models.Model):
    """A dated rule of the game, as narrow as it is scoped: hub-wide, a publisher's, an offer's or a plan's.

    `term` blank means any term. The narrowest row valid at a moment wins, at equal scope the one that names the term,
    then the newest. What a value may be: publishers/policy_kinds.py.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=50)
    value = models.CharField(max_length=LONGEST_VALUE, blank=True)
    publisher = models.ForeignKey(Publisher, null=True, on_delete=models.PROTECT, related_name="policies")
    offer = models.ForeignKey(Offer, null=True, on_delete=models.PROTECT, related_name="policies")
    plan = models.ForeignKey(Plan, null=True, on_delete=models.PROTECT, related_name="policies")
    term = models.CharField(max_length=3, choices=Term, blank=True)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name", "publisher", "offer", "plan", "term", "valid_from"],
                name="policy_unambiguous",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="policy_valid_range"
            ),
            models.CheckConstraint(condition=Q(term__in=["", *Term.values]), name="policy_term_known"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="hub_policy_without_gaps",
                operation=pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Q(
                    old__plan__isnull=True, old__offer__isnull=True, old__publisher__isnull=True, old__term=""
                ),
                func=_WITHOUT_GAPS,
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"
