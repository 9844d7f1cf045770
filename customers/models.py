"""Customers we sell to, and the indirect resellers some of them came through."""

import uuid

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Upper


class IndirectReseller(models.Model):
    """A partner of ours who brought the customer; named on a subscription by its PartnerID (rules 84-87)."""

    partner_id = models.CharField(max_length=16, primary_key=True)
    name = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    agreement_signed_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(partner_id__regex=r"^[0-9]{4,16}$"), name="reseller_partner_id_numeric")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.partner_id})"


class Customer(models.Model):
    """A customer with its billing profile and the contact who will use what we buy (the beneficiary)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    domain = models.CharField(max_length=200)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    language = models.CharField(max_length=5, default="en")
    vat_id = models.CharField(max_length=20, blank=True)

    billing_first_name = models.CharField(max_length=100)
    billing_last_name = models.CharField(max_length=100)
    billing_email = models.EmailField()
    address_line = models.CharField(max_length=200)
    city = models.CharField(max_length=100)
    region = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=20)

    beneficiary_name = models.CharField(max_length=200)
    beneficiary_email = models.EmailField()
    beneficiary_object_id = models.UUIDField(default=uuid.uuid4)
    tenant_id = models.UUIDField(unique=True, default=uuid.uuid4)

    reseller = models.ForeignKey(IndirectReseller, null=True, on_delete=models.PROTECT, related_name="customers")
    relationship_ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="customer_country_iso"),
            models.CheckConstraint(condition=Q(currency__regex=r"^[A-Z]{3}$"), name="customer_currency_iso"),
            models.UniqueConstraint(Lower("domain"), name="customer_domain_once"),
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="customer_by_name"),
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="customer_name_parts"),
            GinIndex(OpClass(Upper("domain"), name="gin_trgm_ops"), name="customer_domain_parts"),
            models.Index(Upper("beneficiary_email"), name="customer_by_email"),
        ]

    def __str__(self) -> str:
        return self.name
