"""Rates as dated data: of VAT by country, and of exchange."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q


class TaxRate(models.Model):
    """A country's standard rate of VAT in percent. Valid from a UTC day (inclusive) to another (exclusive)."""

    country = models.CharField(max_length=2)
    rate = models.DecimalField(max_digits=5, decimal_places=2)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(country__regex=r"^[A-Z]{2}$"), name="tax_rate_country_iso"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=100), name="tax_rate_is_a_percentage"),
            ExclusionConstraint(
                name="tax_rate_unambiguous",
                expressions=[
                    ("country", RangeOperators.EQUAL),
                    (
                        Func("valid_from", "valid_to", function="daterange", output_field=DateRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.rate} %"


class ExchangeRate(models.Model):
    """What one unit of `currency` was worth in units of `into`, as `source` published it on a day."""

    currency = models.CharField(max_length=3)
    into = models.CharField(max_length=3)
    published_on = models.DateField()
    rate = models.DecimalField(max_digits=14, decimal_places=6)
    source = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["currency", "into", "published_on"], name="exchange_rate_once_a_day"),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$", into__regex=r"^[A-Z]{3}$"),
                name="exchange_rate_currencies_iso",
            ),
            models.CheckConstraint(condition=~Q(currency=F("into")), name="exchange_rate_of_two_currencies"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="exchange_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.rate} {self.into}"
