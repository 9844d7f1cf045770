import uuid

from django.db import models
from django.db.models import Q

from customers.models import Customer, IndirectReseller
from publishers.models import PlanTerm, Price
from subscriptions.models.cart import Cart


class Order(models.Model):
    """What was bought at one checkout, in one group of lines. Never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.CharField(max_length=12, unique=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders")
    cart = models.ForeignKey(Cart, on_delete=models.PROTECT, related_name="orders")
    order_group = models.CharField(max_length=64, blank=True)
    currency = models.CharField(max_length=3)
    ordered_by = models.CharField(max_length=200)
    ordered_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cart", "order_group"], name="order_once_per_cart_and_group")]
        indexes = [models.Index(fields=["customer", "-ordered_at"], name="order_of_customer")]

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """One line of an order: what was shown to the buyer is what stands here, and what will be charged."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines")
    number = models.PositiveSmallIntegerField()
    plan_term = models.ForeignKey(PlanTerm, on_delete=models.PROTECT, related_name="+")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+")
    unit_price = models.DecimalField(max_digits=14, decimal_places=4)
    currency = models.CharField(max_length=3)
    quantity = models.PositiveIntegerField()
    nickname = models.CharField(max_length=200, blank=True)
    reseller = models.ForeignKey(IndirectReseller, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["order", "number"], name="order_line_number_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_quantity_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.number}"
