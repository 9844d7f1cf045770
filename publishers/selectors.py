"""Reading the catalogue: what can be bought, at what price, under which policy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Case, DurationField, Prefetch, Q, QuerySet, Value, When

from accounts.policy import Action, Actor, authorize
from partnerhub import bulk, prepared
from partnerhub.clock import parse_duration
from partnerhub.errors import (
    AvailabilityNotFound,
    HubError,
    NoPriceInCurrency,
    NotFound,
    NotSoldInCountry,
    ProductNotFound,
    SkuNotFound,
)
from partnerhub.outbox.models import Event
from publishers.events import PublisherChanged, PublisherRegistered
from publishers.models import Offer, Plan, PlanTerm, Policy, Price, Publisher
from publishers.policy_kinds import Threshold, read_threshold

_HUB_WIDE = Q(plan=None, offer=None, publisher=None)
_TERM = prepared.Selection(
    """
SELECT {term}, {plan}, {offer}, {publisher}
  FROM publishers_planterm AS term JOIN publishers_plan AS plan ON plan.id = term.plan_id
  JOIN publishers_offer AS offer ON offer.id = plan.offer_id
  JOIN publishers_publisher AS publisher ON publisher.id = offer.publisher_id
 WHERE term.id = %s
""",
    term=PlanTerm,
    plan=Plan,
    offer=Offer,
    publisher=Publisher,
)
_PRICE = prepared.Selection(
    """
SELECT {price} FROM publishers_price AS price
 WHERE plan_term_id = %s AND currency = %s AND valid_from <= %s AND (valid_to IS NULL OR valid_to > %s)
""",
    price=Price,
)
_POLICIES = prepared.Selection(
    """
SELECT {policy} FROM publishers_policy AS policy
 WHERE name = ANY(%s) AND (plan_id = %s OR offer_id = %s OR publisher_id = %s
                           OR num_nonnulls(plan_id, offer_id, publisher_id) = 0)
""",
    policy=Policy,
)


@dataclass(frozen=True, slots=True)
class CatalogItem:
    """One way to buy a plan, for one buyer: its price, or the refusal that says why it cannot be bought."""

    plan_term: PlanTerm
    price: Price | None
    refusal: HubError | None


def _valid(at: datetime) -> Q:
    return Q(valid_from__lte=at) & (Q(valid_to=None) | Q(valid_to__gt=at))


def price_at(plan_term: PlanTerm, currency: str, at: datetime) -> Price | None:
    """The one price row valid at a moment (rows of one currency never overlap), or None."""
    for (price,) in _PRICE(plan_term.pk, currency, at, at):
        price.plan_term = plan_term
        found: Price = price
        return found
    return None


def priced_at(plan_terms: Iterable[PlanTerm], currency: str, at: datetime) -> set[UUID]:
    """Which of some plan terms have a price at a moment."""
    ids = [term.pk for term in plan_terms]
    return set(
        Price.objects.filter(_valid(at), plan_term__in=ids, currency=currency).values_list("plan_term", flat=True)
    )


def _plan_terms() -> QuerySet[PlanTerm]:
    on_sale = PlanTerm.objects.filter(withdrawn_at=None, plan__withdrawn_at=None, plan__offer__withdrawn_at=None)
    return on_sale.select_related("plan__offer__publisher")


def catalogue_for(
    country: str, currency: str | None, at: datetime, *, product_id: str | None = None
) -> list[CatalogItem]:
    """Everything on sale, or one product of it, with the price in `currency`, or why it cannot be bought from `country`
    (rule 11). Without a currency only the country is judged, and no price is given.
    """
    prices = Price.objects.filter(_valid(at), currency=currency)
    terms = _plan_terms().filter(**{"plan__offer__product_id": product_id} if product_id is not None else {})
    terms = terms.prefetch_related(Prefetch("prices", queryset=prices, to_attr="valid_prices"))
    ordered = terms.order_by(
        "plan__offer__publisher__name", "plan__offer__title", "plan__sku_id", "term", "billing_cycle"
    )
    return [_item(term, next(iter(term.valid_prices), None), country, currency) for term in ordered]


def _item(term: PlanTerm, price: Price | None, country: str, currency: str | None) -> CatalogItem:
    offer = term.plan.offer
    refusal: HubError | None = None
    if not offer.is_sold_in(country):
        refusal = NotSoldInCountry(offer=offer.title, country=country)
    elif price is None and currency is not None:
        refusal = NoPriceInCurrency(offer=offer.title, currency=currency)
    return CatalogItem(term, price, refusal)


def item_for_purchase(catalog_item_id: str, country: str, currency: str, at: datetime) -> tuple[PlanTerm, Price]:
    """The plan term behind a catalogItemId and its price today. Raises the refusal that keeps it from being bought."""
    term = plan_term_by_catalog_item(catalog_item_id)
    return term, price_for_purchase(term, price_at(term, currency, at), country, currency)


def price_for_purchase(term: PlanTerm, price: Price | None, country: str, currency: str) -> Price:
    """The price of a plan term that was read with its plan and offer, and with the price of today. Raises the refusal
    that keeps it from being bought: ProductNotFound, SkuNotFound or AvailabilityNotFound for the first part that is not
    on sale any more.
    """
    offer, plan = term.plan.offer, term.plan
    if offer.withdrawn_at is not None:
        raise ProductNotFound(id=offer.product_id)
    if plan.withdrawn_at is not None:
        raise SkuNotFound(id=plan.sku_id)
    if term.withdrawn_at is not None:
        raise AvailabilityNotFound(id=term.catalog_item_id)
    item = _item(term, price, country, currency)
    if item.refusal:
        raise item.refusal
    if item.price is None:
        raise NoPriceInCurrency(offer=offer.title, currency=currency)
    return item.price


def sold(term: PlanTerm, plan: Plan, offer: Offer, publisher: Publisher) -> PlanTerm:
    """A plan term with what it sells."""
    term.plan, plan.offer, offer.publisher = plan, offer, publisher
    return term


def plan_term_sold(plan_term_id: UUID) -> PlanTerm:
    """A plan term with its plan, offer and publisher, on sale or not. Raises ValueError for one that is not there."""
    [row] = _TERM(plan_term_id)
    return sold(*row)


def plan_terms_of(offer_id: UUID) -> QuerySet[PlanTerm]:
    """The ways to buy the plans of one offer that are on sale, the plans in the order of their SKUs."""
    return _plan_terms().filter(plan__offer_id=offer_id).order_by("plan__sku_id", "term", "billing_cycle")


def plan_term_by_catalog_item(catalog_item_id: str) -> PlanTerm:
    """The plan term on sale that `product:sku:availability` names.

    Raises ProductNotFound, SkuNotFound or AvailabilityNotFound for the first part that is not on sale.
    """
    product_id, _, rest = catalog_item_id.partition(":")
    sku_id, _, availability_id = rest.partition(":")
    term = (
        _plan_terms()
        .filter(plan__offer__product_id=product_id, plan__sku_id=sku_id, availability_id=availability_id)
        .first()
    )
    if term is not None:
        return term
    if not Offer.objects.filter(product_id=product_id, withdrawn_at=None).exists():
        raise ProductNotFound(id=product_id)
    if not Plan.objects.filter(offer__product_id=product_id, sku_id=sku_id, withdrawn_at=None).exists():
        raise SkuNotFound(id=sku_id)
    raise AvailabilityNotFound(id=catalog_item_id)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a question about a policy is about. Ids that are None, and a blank term, are covered by wider rows only."""

    plan_id: UUID | None = None
    offer_id: UUID | None = None
    publisher_id: UUID | None = None
    term: str = ""


HUB = Scope()


def scope_of(plan: Plan, term: str | None = None) -> Scope:
    return Scope(plan.pk, plan.offer_id, plan.offer.publisher_id, term or "")


class PolicyMissing(LookupError):
    """Not even the hub has a valid row of a policy."""

    def __init__(self, name: str, at: datetime) -> None:
        super().__init__(f"no policy {name} at {at:%Y-%m-%d}")
        self.name, self.at = name, at


class PolicyBook:
    """Policies read once, for any number of questions. Each raises PolicyMissing when not even the hub has a valid row:
    a gap in the data, not a case to guess about.
    """

    def __init__(self, rows: Iterable[Policy]) -> None:
        self._rows: dict[str, list[Policy]] = {}
        for row in rows:
            self._rows.setdefault(row.name, []).append(row)

    def text(self, name: str, scope: Scope, at: datetime) -> str:
        """The value of the narrowest row that is valid and covers the scope; of several the newest."""
        rows = [row for row in self._rows.get(name, ()) if row.valid_from <= at and not _over(row, at)]
        covering = [row for row in rows if _covers(row, scope)]
        if not covering:
            raise PolicyMissing(name, at)
        return max(covering, key=lambda row: (_narrowness(row), row.valid_from)).value

    def duration(self, name: str, scope: Scope, at: datetime) -> timedelta:
        return parse_duration(self.text(name, scope, at))

    def lines(self, name: str, scope: Scope, at: datetime) -> list[str]:
        return self.text(name, scope, at).splitlines()

    def threshold(self, name: str, scope: Scope, at: datetime) -> Threshold | None:
        """None when it is off."""
        return read_threshold(self.text(name, scope, at))

    def longest(self, name: str) -> timedelta:
        """The longest that a policy has ever been for anybody, as a bound; zero without a row."""
        return max((parse_duration(row.value) for row in self._rows.get(name, ())), default=timedelta(0))

    def interval(self, name: str, *, moment: str | datetime) -> Case:
        """A policy that is a duration, as `duration` chooses it at a moment (UTC) or at that of a named field, for an
        expression over rows with `plan_id`, `offer_id`, `publisher_id` and `term`. Null without a row.
        """
        rows = self._rows.get(name, [])
        if isinstance(moment, datetime):
            rows = [row for row in rows if row.valid_from <= moment and not _over(row, moment)]
        alike = groupby(sorted(rows, key=_alike, reverse=True), _alike)
        whens = [_when(list(group), moment) for _key, group in alike]
        return Case(*whens, output_field=DurationField())


def _over(row: Policy, at: datetime) -> bool:
    return row.valid_to is not None and row.valid_to <= at


def _covers(row: Policy, scope: Scope) -> bool:
    """Whether a row speaks about a scope, by the row's narrowest id and its term."""
    pairs = (
        (row.plan_id, scope.plan_id),
        (row.offer_id, scope.offer_id),
        (row.publisher_id, scope.publisher_id),
    )
    return row.term in ("", scope.term) and next((mine == asked for mine, asked in pairs if mine is not None), True)


def _alike(row: Policy) -> tuple[Any, ...]:
    """Sorts rows by precedence; those that differ by nothing but whom they are about are equal."""
    return _narrowness(row), row.valid_from, row.valid_to is None, row.valid_to, row.term, row.value


def _when(rows: Sequence[Policy], moment: str | datetime) -> When:
    """That one of the rows covers, as `_covers` says, and is valid: their value. They are alike."""
    row, condition = rows[0], Q(term=rows[0].term) if rows[0].term else Q()
    for name in ("plan_id", "offer_id", "publisher_id"):
        if getattr(row, name) is not None:
            condition &= Q(**{f"{name}__in": [getattr(one, name) for one in rows]})
            break
    if isinstance(moment, str):
        condition &= Q(**{f"{moment}__gte": row.valid_from})
        condition &= Q(**{f"{moment}__lt": row.valid_to}) if row.valid_to else Q()
    return When(condition or Q(pk__isnull=False), then=Value(parse_duration(row.value)))


def _narrowness(row: Policy) -> tuple[bool, bool, bool, bool]:
    return row.plan_id is not None, row.offer_id is not None, row.publisher_id is not None, row.term != ""


def policy_book(*names: str) -> PolicyBook:
    """Some policies of every plan, in one query."""
    return PolicyBook(Policy.objects.filter(name__in=names))


def policies_of(plan: Plan, *names: str) -> PolicyBook:
    """Some policies of one plan, in one query."""
    found = _POLICIES(bulk.array(names), plan.pk, plan.offer_id, plan.offer.publisher_id)
    return PolicyBook(policy for (policy,) in found)


def policy_duration(name: str, plan: Plan, at: datetime, term: str | None = None) -> timedelta:
    """A policy that is a duration: the plan's row, else its offer's, its publisher's, the hub's; at equal scope the
    row of the term. Raises LookupError when not even the hub has one.
    """
    return policies_of(plan, name).duration(name, scope_of(plan, term), at)


def policy_word(name: str, plan: Plan, at: datetime, term: str | None = None) -> str:
    """A policy that is one word of a few; chosen like `policy_duration`. Raises LookupError without a row."""
    return policy_text(name, plan, at, term)


def policy_text(name: str, plan: Plan, at: datetime, term: str | None = None) -> str:
    """A policy as it is stored, of whatever kind; chosen like `policy_duration`. Raises LookupError without a row."""
    return policies_of(plan, name).text(name, scope_of(plan, term), at)


def policy_lines(name: str, plan: Plan, at: datetime, term: str | None = None) -> list[str]:
    """A policy that is a list of sentences, maybe empty; chosen like `policy_duration`. Raises LookupError."""
    return policies_of(plan, name).lines(name, scope_of(plan, term), at)


def policy_threshold(name: str, plan: Plan, at: datetime, term: str | None = None) -> Threshold | None:
    """A policy that is a threshold, None when off; chosen like `policy_duration`. Raises LookupError without a row."""
    return policies_of(plan, name).threshold(name, scope_of(plan, term), at)


def hub_policy_duration(name: str, at: datetime) -> timedelta:
    """A hub-wide policy that is a duration. Raises LookupError without a row."""
    return PolicyBook(Policy.objects.filter(_HUB_WIDE, name=name)).duration(name, HUB, at)


def publishers_visible_to(actor: Actor) -> QuerySet[Publisher]:
    """The publishers by name. Raises NotPermitted for a role that may see none."""
    authorize(actor, Action.PUBLISHER_READ)
    return Publisher.objects.order_by("name")


def publisher_for(actor: Actor, publisher_id: UUID) -> Publisher:
    """One publisher. Raises NotFound, NotPermitted."""
    publisher = publishers_visible_to(actor).filter(pk=publisher_id).first()
    if publisher is None:
        raise NotFound(what="publisher", id=publisher_id)
    return publisher


def version_of(publisher_id: UUID) -> int:
    """The number of a publisher's last registration or change, by which two people who edit it at once are told."""
    told = Event.objects.filter(
        stream_type="publisher", stream_id=publisher_id, name__in=[PublisherRegistered.name, PublisherChanged.name]
    )
    return told.order_by("-sequence").values_list("sequence", flat=True).first() or 0
