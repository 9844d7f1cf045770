"""The catalogue of a country, and the publishers with their health."""

import re
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, collection
from partnerhub.api.views import OwnResource, Resource
from partnerhub.clock import now
from partnerhub.errors import (
    AvailabilityNotFound,
    InvalidInput,
    NotPermitted,
    ProductNotFound,
    PublisherNameTaken,
    SkuNotFound,
)
from publishers.api import examples, health, upkeep, upkeep_examples
from publishers.api.catalogue import Catalogue
from publishers.api.health import PublisherShown
from publishers.api.shapes import Availability, Product, Sku
from publishers.api.upkeep_shapes import DocumentBody, PublisherChange
from publishers.selectors import publishers_visible_to

COUNTRY = (
    OpenApiParameter(
        "country",
        {"type": "string", "pattern": "^[A-Za-z]{2}$", "examples": ["PL"]},
        required=True,
        description="Where the buyer is: two letters (ISO 3166).",
    ),
)
READERS = who_can(Action.CATALOGUE_READ)
REFUSALS = (NotPermitted, InvalidInput)
SEGMENT = {"targetSegment": "`commercial`, the only segment this hub sells to."}
TARGETS = {"targetView": "`MarketplaceSaaS`, the only view this hub sells."} | SEGMENT


def check_targets(request: Request) -> None:
    """Refuse a view or a segment of the catalogue that is not sold here; none means all."""
    for name, sold in (("targetView", "MarketplaceSaaS"), ("targetSegment", "commercial")):
        asked = request.query_params.get(name, sold)
        if asked.lower() != sold.lower():
            raise InvalidInput(field=name, problem=f"{sold} is expected, not {asked[:50]}")


class CatalogueResource(Resource):
    def catalogue(self, request: Request) -> Catalogue:
        authorize(caller(request), Action.CATALOGUE_READ)
        check_targets(request)
        country = request.query_params.get("country", "").upper()
        if not re.fullmatch(r"[A-Z]{2}", country):
            raise InvalidInput(field="country", problem="a country of two letters is expected")
        return Catalogue("/products", country, None, now())


class Products(CatalogueResource):
    @operation(
        "listProducts",
        "The products sold in a country",
        Collection[Product],
        query=TARGETS,
        parameters=COUNTRY,
        about="An offer of a publisher is a product. What is not sold in the country is left out.",
        roles=READERS,
        refusals=REFUSALS,
        answer=examples.PRODUCTS,
    )
    def get(self, request: Request) -> Response:
        return Response(self.catalogue(request).products())


class ProductById(CatalogueResource):
    @operation(
        "getProduct",
        "One product",
        Product,
        parameters=COUNTRY,
        about="`id` stays the same, also when its publisher is registered again.",
        roles=READERS,
        refusals=(*REFUSALS, ProductNotFound),
        answer=examples.PRODUCT,
    )
    def get(self, request: Request, product_id: str) -> Response:
        return Response(self.catalogue(request).product(product_id))


class Skus(CatalogueResource):
    @operation(
        "listSkus",
        "The SKUs of a product",
        Collection[Sku],
        query=SEGMENT,
        parameters=COUNTRY,
        about="A plan of an offer is a SKU.",
        roles=READERS,
        refusals=(*REFUSALS, ProductNotFound),
        answer=examples.SKUS,
    )
    def get(self, request: Request, product_id: str) -> Response:
        return Response(self.catalogue(request).skus(product_id))


class SkuById(CatalogueResource):
    @operation(
        "getSku",
        "One SKU",
        Sku,
        parameters=COUNTRY,
        about="The limits of its quantity are inclusive.",
        roles=READERS,
        refusals=(*REFUSALS, ProductNotFound, SkuNotFound),
        answer=examples.SKU,
    )
    def get(self, request: Request, product_id: str, sku_id: str) -> Response:
        return Response(self.catalogue(request).sku(product_id, sku_id))


class Availabilities(CatalogueResource):
    @operation(
        "listAvailabilities",
        "The ways to buy a SKU",
        Collection[Availability],
        query=SEGMENT,
        parameters=COUNTRY,
        about="Each term and billing cycle is an availability. Prices are in the catalogue of a customer.",
        roles=READERS,
        refusals=(*REFUSALS, ProductNotFound, SkuNotFound),
        answer=examples.AVAILABILITIES,
    )
    def get(self, request: Request, product_id: str, sku_id: str) -> Response:
        return Response(self.catalogue(request).availabilities(product_id, sku_id))


class AvailabilityById(CatalogueResource):
    @operation(
        "getAvailability",
        "One way to buy a SKU",
        Availability,
        parameters=COUNTRY,
        about="`catalogItemId` is what a cart takes.",
        roles=READERS,
        refusals=(*REFUSALS, ProductNotFound, SkuNotFound, AvailabilityNotFound),
        answer=examples.AVAILABILITY,
    )
    def get(self, request: Request, product_id: str, sku_id: str, availability_id: str) -> Response:
        return Response(self.catalogue(request).availability(product_id, sku_id, availability_id))


class Publishers(OwnResource):
    told_once = ("clientSecret",)

    def document(self, request: Request) -> dict[str, Any]:
        return upkeep.document_sent(request)

    @operation(
        "listPublishers",
        "The publishers",
        Collection[PublisherShown],
        about="By name.",
        roles=who_can(Action.PUBLISHER_READ),
        refusals=(NotPermitted,),
        answer=examples.PUBLISHERS,
    )
    def get(self, request: Request) -> Response:
        shown = map(health.publisher, publishers_visible_to(caller(request)))
        return Response(collection(shown, "/publishers"))

    @operation(
        "createPublisher",
        "Take on a publisher",
        PublisherChange,
        status=201,
        body=DocumentBody,
        about=(
            "With its catalogue and policies, or with none (`offers` empty). The secret that it signs in with is told "
            "this once. A name is taken once."
        ),
        roles=upkeep.KEEPERS,
        refusals=(*upkeep.REGISTERING, PublisherNameTaken),
        example=upkeep_examples.NEW_DOCUMENT,
        answer=upkeep_examples.CREATED,
    )
    @upkeep.looked_up
    @idempotent
    def post(self, request: Request) -> Response:
        return upkeep.registered(request)
