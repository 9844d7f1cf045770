"""The catalogue in the dialect (partner-center-v1.md section 1.3).

An offer is a product, a plan a SKU, and each way to buy it (term and billing cycle) an availability.
"""

from datetime import timedelta
from typing import NotRequired, TypedDict

from partnerhub.api.errors import number_of
from partnerhub.api.shapes import Attributes, Link, SelfLinks, link
from partnerhub.money import symbol_of
from publishers.models import Offer, Plan, Price
from publishers.selectors import CatalogItem

TERM_WORDS = {"P1M": "One month", "P1Y": "One year", "P2Y": "Two years", "P3Y": "Three years"}


class Kind(TypedDict):
    id: str
    displayName: str


class ProductType(TypedDict):
    id: str
    displayName: str
    subType: Kind


class ProductLinks(TypedDict):
    skus: Link
    self: Link


class Product(TypedDict):
    """An offer of a publisher."""

    id: str
    title: str
    description: str
    productType: ProductType
    isMicrosoftProduct: bool
    publisherName: str
    links: ProductLinks
    attributes: Attributes


class AttestationProperties(TypedDict):
    """Whether a buyer must attest something about this plan alone, beside the partner's role of every order."""

    attestationType: str
    enforceAttestation: bool


class SkuLinks(TypedDict):
    availabilities: Link
    self: Link


class Sku(TypedDict):
    """A plan of an offer. `id` is unique inside its product; quantity limits are inclusive.

    `consumptionType` is none: what is sold here is licences and flat rates, nothing is metered.
    """

    id: str
    productId: str
    title: str
    description: str
    minimumQuantity: int
    maximumQuantity: int
    isTrial: bool
    supportedBillingCycles: list[str]
    purchasePrerequisites: list[str]
    inventoryVariables: list[str]
    provisioningVariables: list[str]
    dynamicAttributes: dict[str, str]
    attestationProperties: AttestationProperties
    consumptionType: str
    links: SkuLinks
    attributes: Attributes


class RefundOption(TypedDict):
    """`expiresAfter` is an ISO 8601 duration counted from the purchase."""

    sequenceId: int
    type: str
    expiresAfter: str


class CancellationPolicy(TypedDict):
    refundOptions: list[RefundOption]


class RenewalOption(TypedDict):
    termDuration: str


class AvailabilityTerm(TypedDict):
    duration: str
    description: str
    billingCycle: str
    renewalOptions: list[RenewalOption]
    cancellationPolicies: list[CancellationPolicy]


class Currency(TypedDict):
    code: str
    symbol: str


class Amount(TypedDict):
    """Before tax: what one licence (or the flat rate) costs for one billing cycle."""

    amount: float
    currency: str


class Unavailable(TypedDict):
    """Why it cannot be bought: the code and sentence that a cart would be refused with."""

    code: int
    description: str
    data: list[str]


class Availability(TypedDict):
    """One way to buy a plan. `price`, `defaultCurrency` and `unavailable` are given where the buyer is known."""

    id: str
    productId: str
    skuId: str
    catalogItemId: str
    country: str
    segment: str
    isPurchasable: bool
    isRenewable: bool
    terms: list[AvailabilityTerm]
    defaultCurrency: NotRequired[Currency]
    price: NotRequired[Amount]
    unavailable: NotRequired[Unavailable]
    links: SelfLinks
    attributes: Attributes


def duration_text(duration: timedelta) -> str:
    """ISO 8601: whole days as days (`P3D`), anything else as hours (`PT36H`)."""
    return f"P{duration.days}D" if not duration.seconds else f"PT{duration // timedelta(hours=1)}H"


def product(offer: Offer, root: str, query: dict[str, str]) -> Product:
    """`root` and `query` lead to the catalogue it was found in: a country's or a customer's."""
    own = f"{root}/{offer.product_id}"
    return Product(
        id=offer.product_id,
        title=offer.title,
        description=offer.description,
        productType=ProductType(id="Azure", displayName="Azure", subType=Kind(id="SaaS", displayName="SaaS")),
        isMicrosoftProduct=False,
        publisherName=offer.publisher.name,
        links=ProductLinks(skus=link(f"{own}/skus", query), self=link(own, query)),
        attributes=Attributes(objectType="Product"),
    )


def sku(plan: Plan, billing_cycles: list[str], root: str, query: dict[str, str]) -> Sku:
    own = f"{root}/{plan.offer.product_id}/skus/{plan.sku_id}"
    return Sku(
        id=plan.sku_id,
        productId=plan.offer.product_id,
        title=plan.title,
        description=plan.description,
        minimumQuantity=plan.min_quantity,
        maximumQuantity=plan.max_quantity,
        isTrial=plan.trial_days > 0,
        supportedBillingCycles=billing_cycles,
        purchasePrerequisites=[],
        inventoryVariables=[],
        provisioningVariables=[],
        dynamicAttributes={},
        attestationProperties=AttestationProperties(attestationType="none", enforceAttestation=False),
        consumptionType="none",
        links=SkuLinks(availabilities=link(f"{own}/availabilities", query), self=link(own, query)),
        attributes=Attributes(objectType="Sku"),
    )


def availability(
    item: CatalogItem, country: str, refundable: timedelta, root: str, query: dict[str, str]
) -> Availability:
    """`refundable` is the policy `cancel_within` of the term: how long after the purchase a refund is full."""
    plan_term = item.plan_term
    offer, plan = plan_term.plan.offer, plan_term.plan
    own = f"{root}/{offer.product_id}/skus/{plan.sku_id}/availabilities/{plan_term.availability_id}"
    refund = RefundOption(sequenceId=0, type="Full", expiresAfter=duration_text(refundable))
    term = AvailabilityTerm(
        duration=plan_term.term,
        description=TERM_WORDS[plan_term.term],
        billingCycle=plan_term.billing_cycle,
        renewalOptions=[RenewalOption(termDuration=plan_term.term)],
        cancellationPolicies=[CancellationPolicy(refundOptions=[refund])],
    )
    shown = Availability(
        id=plan_term.availability_id,
        productId=offer.product_id,
        skuId=plan.sku_id,
        catalogItemId=plan_term.catalog_item_id,
        country=country,
        segment="commercial",
        isPurchasable=item.refusal is None,
        isRenewable=True,
        terms=[term],
        links=SelfLinks(self=link(own, query)),
        attributes=Attributes(objectType="Availability"),
    )
    return _for_the_buyer(shown, item)


def _for_the_buyer(shown: Availability, item: CatalogItem) -> Availability:
    if item.price is not None:
        shown["price"] = amount(item.price)
        shown["defaultCurrency"] = Currency(code=item.price.currency, symbol=symbol_of(item.price.currency))
    if item.refusal is not None:
        _, number = number_of(item.refusal)
        shown["unavailable"] = Unavailable(code=number, description=str(item.refusal), data=[item.refusal.code])
    return shown


def amount(price: Price) -> Amount:
    return Amount(amount=float(price.amount), currency=price.currency)
