"""The reconciliation file: every line of a month in the columns of Partner Center (partner-center-v1.md, section 1.11).

A line belongs to the month of the invoice that it stands on; one that stands on none yet to the month in which it was
recorded. So a line is in one month's file at a time, and the lines of an invoice add up to that invoice.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import FilteredRelation, OuterRef, Q, QuerySet, Subquery

from accounts.policy import Action, Actor, authorize
from billing.enums import InvoiceKind
from billing.models import Charge
from partnerhub.money import Money
from partnerhub.outbox.models import Event
from partnerhub.web.export import Value
from publishers.models import Pricing
from subscriptions.selectors import within
from subscriptions.terms import add_months, midnight

ROWS_A_READ = 2000
# Those of the marketplace, then the id by which the hub's pages know the subscription, and that of the ledger's line.
COLUMNS = (
    "PartnerId", "CustomerId", "CustomerName", "CustomerDomainName", "CustomerCountry", "InvoiceNumber", "MPNID",
    "ResellerMPNID", "OrderId", "OrderDate", "ProductId", "SkuId", "AvailabilityId", "SkuName", "ProductName",
    "ChargeType", "UnitPrice", "Quantity", "Subtotal", "TaxTotal", "Total", "Currency", "PriceAdjustmentDescription",
    "PublisherName", "PublisherId", "SubscriptionDescription", "SubscriptionId", "ChargeStartDate", "ChargeEndDate",
    "TermAndBillingCycle", "EffectiveUnitPrice", "UnitType", "AlternateId", "BillableQuantity", "BillingFrequency",
    "PricingCurrency", "PCToBCExchangeRate", "PCToBCExchangeRateDate", "MeterDescription", "ReservationOrderId",
    "CreditReasonCode", "SubscriptionStartDate", "SubscriptionEndDate", "ReferenceID", "ProductQualifiers",
    "PromotionID", "ConsoleSubscriptionId", "ChargeId",
)  # fmt: skip
_TERM = {"P1M": "1 Month", "P1Y": "1 Year", "P2Y": "2 Years", "P3Y": "3 Years"}
_CYCLE = {"monthly": "Monthly", "annual": "Annual", "one_time": "Upfront"}
_FIELDS = (
    "id", "customer_id", "customer__name", "customer__domain", "customer__country", "line__invoice__number",
    "line__invoice__buyer",
    "line__invoice__kind", "line__invoice__reason", "line__tax", "line__description", "reseller_partner_id",
    "subscription__order_line__order_id", "subscription__order_line__order__number",
    "subscription__order_line__order__ordered_at", "price__plan_term__plan__offer__product_id",
    "price__plan_term__plan__sku_id", "price__plan_term__availability_id", "price__plan_term__plan__title",
    "price__plan_term__plan__offer__title", "price__plan_term__plan__pricing", "price__plan_term__term",
    "price__plan_term__billing_cycle", "charge_type", "unit_price", "effective_unit_price", "quantity", "amount",
    "currency", "price__plan_term__plan__offer__publisher__name", "price__plan_term__plan__offer__publisher_id",
    "subscription__nickname", "subscription_id", "period_start", "period_end", "reference_id", "recorded_at",
)  # fmt: skip


def month_of(day: date) -> tuple[date, date]:
    """The first day of a day's month, and that of the next."""
    first = day.replace(day=1)
    return first, add_months(first, 1)


def reconciled(actor: Actor, month: date) -> Iterator[list[Value]]:
    """The rows of the month that begins on this day, as they are read: one query, whatever their number.

    Invoices come first, in the order of their numbers, then what is on none yet. Raises NotPermitted.
    """
    authorize(actor, Action.CHARGE_READ)
    order = ("line__invoice__number", "customer_id", "line__position", "recorded_at", "subscription_id", "sequence")
    return rows_of(within(lines_of(month), actor), *order)


def rows_of(charges: QuerySet[Charge], *order: str) -> Iterator[list[Value]]:
    """The rows of charges that were read `with_lines`, in the order of COLUMNS: one query, whatever their number."""
    found = charges.annotate(opened=_opening()).values(*_FIELDS, "opened").order_by(*order)
    return (_row(row) for row in found.iterator(chunk_size=ROWS_A_READ))


def with_lines() -> QuerySet[Charge]:
    """All charges, each with the invoice line `line` that it stands on, if any."""
    standing = FilteredRelation("invoice_lines", condition=Q(invoice_lines__stands=True))
    return Charge.objects.annotate(line=standing)


def lines_of(month: date) -> QuerySet[Charge]:
    """The charges of a month's file, `with_lines`."""
    first, after = month_of(month)
    recorded = Q(line=None, recorded_at__gte=midnight(first), recorded_at__lt=midnight(after))
    return with_lines().filter(Q(line__invoice__period_start=first) | recorded)


def _opening() -> Subquery:
    """What the event tells that began the term in which a charge was caused."""
    begun = Event.objects.filter(
        stream_id=OuterRef("subscription_id"),
        sequence__lte=OuterRef("cause__sequence"),
        name__in=["subscription.activated", "subscription.renewed"],
    )
    return Subquery(begun.order_by("-sequence").values("data")[:1])


def _row(row: Mapping[str, Any]) -> list[Value]:
    term, cycle = row["price__plan_term__term"], row["price__plan_term__billing_cycle"]
    tax: Decimal | None = row["line__tax"]
    opened = row["opened"] or {}
    buyer, names = row["line__invoice__buyer"] or {}, row["line__description"] or {}
    return [
        settings.HUB_TENANT_ID,
        str(row["customer_id"]),
        buyer.get("name", row["customer__name"]),
        buyer.get("domain", row["customer__domain"]),
        buyer.get("country", row["customer__country"]),
        row["line__invoice__number"],
        settings.HUB_PARTNER_ID,
        row["reseller_partner_id"],
        str(row["subscription__order_line__order_id"]),
        _day(row["subscription__order_line__order__ordered_at"]),
        row["price__plan_term__plan__offer__product_id"],
        row["price__plan_term__plan__sku_id"],
        row["price__plan_term__availability_id"],
        names.get("plan", row["price__plan_term__plan__title"]),
        names.get("offer", row["price__plan_term__plan__offer__title"]),
        row["charge_type"],
        row["unit_price"],
        row["quantity"],
        _amount(row["amount"], row["currency"]),
        None if tax is None else _amount(tax, row["currency"]),
        None if tax is None else _amount(row["amount"] + tax, row["currency"]),
        row["currency"],
        "",
        names.get("publisher", row["price__plan_term__plan__offer__publisher__name"]),
        str(row["price__plan_term__plan__offer__publisher_id"]),
        names.get("nickname") or row["subscription__nickname"],
        str(row["subscription_id"]),
        row["period_start"],
        _last_day(row["period_end"]),
        f"{_TERM[term]}, {_CYCLE[cycle]}",
        row["effective_unit_price"],
        "License(s)" if row["price__plan_term__plan__pricing"] == Pricing.PER_USER else "Flat rate",
        row["subscription__order_line__order__number"],
        row["quantity"],
        _CYCLE[cycle],
        row["currency"],
        1,
        _day(row["recorded_at"]),
        "",
        "",
        row["line__invoice__reason"] if row["line__invoice__kind"] == InvoiceKind.CREDIT_NOTE else "",
        _told_day(opened, "term_start"),
        _last_day(_told_day(opened, "term_end")),
        str(row["reference_id"] or ""),
        "",
        "",
        str(row["subscription_id"]),
        str(row["id"]),
    ]


def _amount(amount: Decimal, currency: str) -> Decimal:
    return Decimal(Money(amount, currency).text)


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _told_day(told: Mapping[str, Any], name: str) -> date | None:
    return date.fromisoformat(told[name]) if name in told else None


def _last_day(end: date | None) -> date | None:
    """The last day of a period, inclusive, as the marketplace writes it."""
    return end - timedelta(days=1) if end else None
