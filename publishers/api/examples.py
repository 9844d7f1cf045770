"""What the document shows of the catalogue and of publishers, written as the views write it."""

from partnerhub.api.shapes import Attributes, SelfLinks, collection, link
from publishers.api.health import PublisherHealth, PublisherLinks, PublisherShown
from publishers.api.shapes import (
    Amount,
    AttestationProperties,
    Availability,
    AvailabilityTerm,
    CancellationPolicy,
    Currency,
    Kind,
    Product,
    ProductLinks,
    ProductType,
    RefundOption,
    RenewalOption,
    Sku,
    SkuLinks,
)

PUBLISHER_ID = "5ff6ea62-afcd-4b4f-aab6-f7d6a1ad46ca"
PRODUCT_ID, SKU_ID, AVAILABILITY_ID = "DZH318Z0BQ3Q", "0001", "DZH318Z0C5TZ"
OTHER_SKU_ID, OTHER_AVAILABILITY_ID = "0002", "DZH318Z0C5V1"
CATALOG_ITEM_ID = f"{PRODUCT_ID}:{SKU_ID}:{AVAILABILITY_ID}"
OTHER_CATALOG_ITEM_ID = f"{PRODUCT_ID}:{OTHER_SKU_ID}:{OTHER_AVAILABILITY_ID}"
IN_POLAND = {"country": "PL"}


def product(root: str, query: dict[str, str] | None = None) -> Product:
    """The product in a country's catalogue or a customer's, as `root` and `query` lead there."""
    own = f"{root}/{PRODUCT_ID}"
    return Product(
        id=PRODUCT_ID,
        title="Contoso Sign",
        description="Signatures that hold in court.",
        productType=ProductType(id="Azure", displayName="Azure", subType=Kind(id="SaaS", displayName="SaaS")),
        isMicrosoftProduct=False,
        publisherName="Contoso",
        links=ProductLinks(skus=link(f"{own}/skus", query), self=link(own, query)),
        attributes=Attributes(objectType="Product"),
    )


def sku(root: str, query: dict[str, str] | None = None) -> Sku:
    own = f"{root}/{PRODUCT_ID}/skus/{SKU_ID}"
    return Sku(
        id=SKU_ID,
        productId=PRODUCT_ID,
        title="Team",
        description="For up to a hundred people.",
        minimumQuantity=1,
        maximumQuantity=100,
        isTrial=False,
        supportedBillingCycles=["monthly"],
        purchasePrerequisites=[],
        inventoryVariables=[],
        provisioningVariables=[],
        dynamicAttributes={},
        attestationProperties=AttestationProperties(attestationType="none", enforceAttestation=False),
        consumptionType="none",
        links=SkuLinks(availabilities=link(f"{own}/availabilities", query), self=link(own, query)),
        attributes=Attributes(objectType="Sku"),
    )


def availability(root: str, query: dict[str, str] | None = None) -> Availability:
    """Without a price: a country's buyers are not known."""
    refund = RefundOption(sequenceId=0, type="Full", expiresAfter="P3D")
    term = AvailabilityTerm(
        duration="P1Y",
        description="One year",
        billingCycle="monthly",
        renewalOptions=[RenewalOption(termDuration="P1Y")],
        cancellationPolicies=[CancellationPolicy(refundOptions=[refund])],
    )
    return Availability(
        id=AVAILABILITY_ID,
        productId=PRODUCT_ID,
        skuId=SKU_ID,
        catalogItemId=CATALOG_ITEM_ID,
        country="PL",
        segment="commercial",
        isPurchasable=True,
        isRenewable=True,
        terms=[term],
        links=SelfLinks(self=link(f"{root}/{PRODUCT_ID}/skus/{SKU_ID}/availabilities/{AVAILABILITY_ID}", query)),
        attributes=Attributes(objectType="Availability"),
    )


def priced(root: str) -> Availability:
    """In a customer's catalogue."""
    shown = availability(root)
    shown["price"] = Amount(amount=10.08, currency="PLN")
    shown["defaultCurrency"] = Currency(code="PLN", symbol="zł")
    return shown


PRODUCT, SKU = product("/products", IN_POLAND), sku("/products", IN_POLAND)
AVAILABILITY = availability("/products", IN_POLAND)
PRODUCTS = collection([PRODUCT], "/products")
SKUS = collection([SKU], f"/products/{PRODUCT_ID}/skus")
AVAILABILITIES = collection([AVAILABILITY], f"/products/{PRODUCT_ID}/skus/{SKU_ID}/availabilities")

PUBLISHER = PublisherShown(
    id=PUBLISHER_ID,
    name="Contoso",
    adapter="saas_v2_poll",
    landingUrl="https://contoso.example/landing",
    links=PublisherLinks(health=link(f"/publishers/{PUBLISHER_ID}/health")),
    attributes=Attributes(objectType="Publisher"),
)
PUBLISHERS = collection([PUBLISHER], "/publishers")
HEALTH = PublisherHealth(
    publisherId=PUBLISHER_ID,
    circuit="closed",
    retryAt=None,
    consecutiveFailures=0,
    lastSuccessAt="2026-12-07T08:59:30Z",
    lastFailureAt=None,
    lastFailure="",
    attributes=Attributes(objectType="PublisherHealth"),
)
