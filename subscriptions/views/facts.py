"""What was bought, as the Details card lists it."""

from typing import Any

from django.utils.translation import gettext as _

from partnerhub.money import Money
from partnerhub.web.templatetags.hub import day, money
from publishers.models import Pricing
from subscriptions.ledger import ledger
from subscriptions.models import Subscription
from subscriptions.views.rows import amount_words, last_day, licences, quantity_words, term_words


def facts_of(subscription: Subscription) -> list[dict[str, Any]]:
    """Term and value of everything that was bought, in the order of the card."""
    order = subscription.order_line.order
    unit_price = Money(subscription.unit_price, subscription.currency)
    per_seat = subscription.plan.pricing == Pricing.PER_USER
    own_prices = ledger().own_prices([subscription.pk]).get(subscription.pk, [])
    return [
        {"term": _("Offer"), "value": subscription.offer.title, "note": subscription.publisher.name},
        {"term": _("Plan"), "value": subscription.plan.title},
        {"term": _("Quantity"), "value": quantity_words(subscription)},
        {"term": _("Price"), "value": money(unit_price), "note": _("per licence") if per_seat else _("Flat rate")},
        *_own_prices(own_prices),
        {"term": _("Billing"), "value": amount_words(subscription, own_prices)},
        {"term": _("Term"), "value": term_words(subscription.plan_term)},
        *_dates(subscription),
        {"term": _("Auto-renew"), "value": _("On") if subscription.auto_renew else _("Off")},
        {"term": _("Indirect reseller PartnerID"), "value": subscription.reseller},
        {"term": _("Purchaser"), "value": order.ordered_by, "note": day(subscription.purchased_at)},
        {"term": _("Order"), "value": order.number, "copyable": True},
        {"term": _("Subscription ID"), "value": subscription.pk, "copyable": True},
    ]


def _own_prices(own_prices: list[tuple[int, Money]]) -> list[dict[str, Any]]:
    return [
        {"term": _("Price of added licences"), "value": money(price), "note": licences(count)}
        for count, price in own_prices
    ]


def _dates(subscription: Subscription) -> list[dict[str, Any]]:
    if subscription.term_start is None:
        return []
    return [
        {"term": _("Term starts"), "value": day(subscription.term_start)},
        {"term": _("Term ends"), "value": day(last_day(subscription)), "note": _("last day included")},
    ]
