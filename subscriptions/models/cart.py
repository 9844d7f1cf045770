import uuid

from django.db import models
from django.db.models import F, Q

from customers.models import Customer, IndirectReseller
from publishers.models import PlanTerm, Price
from subscriptions.enums import CartStatus


class Cart(models.Model):
    """What an agent is about to buy for one customer. Expires (rule 4); `result` replays its checkout (rule 5)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="carts")
    status = models.CharField(max_length=16, default=CartStatus.ACTIVE)
    attested = models.BooleanField(default=False)
    created_by = models.CharField(max_length=200)
    created_by_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ordered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=list(CartStatus)), name="cart_status_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="cart_expires_after_creation"),
            models.CheckConstraint(
                condition=Q(status=CartStatus.ORDERED, ordered_at__isnull=False)
                | Q(status=CartStatus.ACTIVE, ordered_at__isnull=True),
                name="cart_ordered_when_it_was_ordered",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class CartLine(models.Model):
    """One plan in a cart. `price` is the price row that was shown; `error_code` says why a checkout left it out."""

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="lines")
    number = models.PositiveSmallIntegerField()
    plan_term = models.ForeignKey(PlanTerm, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    quantity = models.PositiveIntegerField()
    nickname = models.CharField(max_length=200, blank=True)
    reseller = models.ForeignKey(IndirectReseller, null=True, on_delete=models.PROTECT, related_name="+")
    auto_renew = models.BooleanField(default=True)
    order_group = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    error_text = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["cart", "number"], name="cart_line_number_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="cart_line_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.quantity}"
