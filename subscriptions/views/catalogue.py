"""What a customer can buy, as cards: one a plan, with its lowest price or the reason why it is not sold here."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import Customer
from partnerhub.errors import HubError
from partnerhub.money import Money
from partnerhub.web.refusals import sentence_of
from partnerhub.web.templatetags.hub import money_words
from publishers.models import Plan, Pricing
from publishers.selectors import CatalogItem, catalogue_for
from subscriptions import words
from subscriptions.scoreboard import Score, recent_scores
from subscriptions.services.carts import check_once_per_customer
from subscriptions.views.scores import readiness


@dataclass(frozen=True, slots=True)
class PlanCard:
    """A plan in the catalogue; `url` is empty when it cannot be bought, and `reason` says why.

    `ready` tells how fast its offer was set up so far, or its publisher's offers where it has too few orders itself.
    """

    offer: str
    plan: str
    publisher: str
    description: str
    price: str
    quantities: str
    trial: str
    ready: str
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class TermChoice:
    """One way to buy the plan: its term, billing cycle and price."""

    catalog_item: str
    label: str
    price: str
    note: str
    reason: str


def plan_cards(customer: Customer, at: datetime, *, query: str, publisher: str, cart: str) -> list[PlanCard]:
    """The catalogue of one customer, narrowed by text and publisher's name; order of publisher, offer, plan."""
    items = catalogue_for(customer.country, customer.currency, at)
    grouped = groupby(items, key=lambda item: item.plan_term.plan_id)
    plans = [list(group) for _plan, group in grouped]
    shown = [group for group in plans if _matches(group[0].plan_term.plan, query, publisher)]
    scores = recent_scores({group[0].plan_term.plan.offer.publisher_id for group in shown}, at)
    return [_card(customer, group, cart, _score(group[0].plan_term.plan, scores)) for group in shown]


def publishers_of(customer: Customer, at: datetime) -> list[str]:
    """The names of everybody who sells something, in order."""
    items = catalogue_for(customer.country, customer.currency, at)
    return list(dict.fromkeys(item.plan_term.plan.offer.publisher.name for item in items))


def _score(plan: Plan, scores: dict[UUID, Score]) -> Score:
    own = scores.get(plan.offer_id, Score())
    return own if own.is_telling else scores.get(plan.offer.publisher_id, Score())


def _amount(item: CatalogItem) -> Decimal:
    return item.price.amount if item.price else Decimal(0)


def _matches(plan: Plan, query: str, publisher: str) -> bool:
    offer = plan.offer
    text = f"{offer.title} {plan.title} {offer.publisher.name} {offer.description}".casefold()
    return query.casefold() in text and publisher in ("", offer.publisher.name)


def _card(customer: Customer, group: list[CatalogItem], cart: str, score: Score) -> PlanCard:
    plan = group[0].plan_term.plan
    on_sale = sorted((item for item in group if item.refusal is None and item.price is not None), key=_amount)
    refusal = _refusal_of(customer, plan, group, on_sale)
    return PlanCard(
        offer=plan.offer.title,
        plan=plan.title,
        publisher=plan.offer.publisher.name,
        description=plan.description or plan.offer.description,
        price=_from_price(on_sale),
        quantities=_quantities(plan),
        trial=_("{days} days free trial").format(days=plan.trial_days) if plan.trial_days else "",
        ready=readiness(score),
        url="" if refusal else _configure_url(customer, on_sale[0], cart),
        reason=sentence_of(refusal) if refusal else "",
    )


def _refusal_of(
    customer: Customer, plan: Plan, group: list[CatalogItem], on_sale: list[CatalogItem]
) -> HubError | None:
    if not on_sale:
        return group[0].refusal
    try:
        check_once_per_customer(customer, plan.offer)
    except HubError as refusal:
        return refusal
    return None


def _configure_url(customer: Customer, item: CatalogItem, cart: str) -> str:
    url = reverse("customers:configure", args=[customer.pk, item.plan_term.catalog_item_id])
    return f"{url}?cart={cart}" if cart else url


def _quantities(plan: Plan) -> str:
    if plan.pricing == Pricing.FLAT_RATE:
        return _("Flat rate")
    return _("{minimum} to {maximum} licences").format(minimum=plan.min_quantity, maximum=plan.max_quantity)


def _from_price(on_sale: list[CatalogItem]) -> str:
    return _("from {price}").format(price=price_words(on_sale[0])) if on_sale else ""


def price_words(item: CatalogItem) -> str:
    """The price of one licence (or the flat rate) for one billing cycle, in words."""
    if item.price is None:
        return ""
    amount = money_words(Money(item.price.amount, item.price.currency))
    cycle = words.PER_CYCLE[item.plan_term.billing_cycle]
    if item.plan_term.plan.pricing == Pricing.PER_USER:
        return _("{amount} per licence {cycle}").format(amount=amount, cycle=cycle)
    return f"{amount} {cycle}"


def term_choices(customer: Customer, plan: Plan, at: datetime) -> list[TermChoice]:
    """The ways to buy a plan, those that cannot be bought with their reason."""
    items = catalogue_for(customer.country, customer.currency, at)
    return [_choice(item) for item in items if item.plan_term.plan_id == plan.pk]


def _choice(item: CatalogItem) -> TermChoice:
    term = item.plan_term
    return TermChoice(
        catalog_item=term.catalog_item_id,
        label=str(words.TERM[term.term]),
        price=price_words(item),
        note=str(words.CYCLE[term.billing_cycle]),
        reason=sentence_of(item.refusal) if item.refusal else "",
    )
