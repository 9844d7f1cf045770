"""The catalogue of a country, and the publishers with their health."""

import re

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, collection
from partnerhub.api.views import OwnResource, Resource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput
from publishers.api import health
from publishers.api.catalogue import Catalogue
from publishers.api.health import PublisherShown
from publishers.api.shapes import Availability, Product, Sku
from publishers.selectors import publishers_visible_to

COUNTRY = {"country": "Where the buyer is: two letters (ISO 3166). Required."}
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
    @operation("listProducts", "The products sold in a country", Collection[Product], query=COUNTRY | TARGETS)
    def get(self, request: Request) -> Response:
        return Response(self.catalogue(request).products())


class ProductById(CatalogueResource):
    @operation("getProduct", "One product", Product, query=COUNTRY)
    def get(self, request: Request, product_id: str) -> Response:
        return Response(self.catalogue(request).product(product_id))


class Skus(CatalogueResource):
    @operation("listSkus", "The SKUs of a product", Collection[Sku], query=COUNTRY | SEGMENT)
    def get(self, request: Request, product_id: str) -> Response:
        return Response(self.catalogue(request).skus(product_id))


class SkuById(CatalogueResource):
    @operation("getSku", "One SKU", Sku, query=COUNTRY)
    def get(self, request: Request, product_id: str, sku_id: str) -> Response:
        return Response(self.catalogue(request).sku(product_id, sku_id))


class Availabilities(CatalogueResource):
    @operation("listAvailabilities", "The ways to buy a SKU", Collection[Availability], query=COUNTRY | SEGMENT)
    def get(self, request: Request, product_id: str, sku_id: str) -> Response:
        return Response(self.catalogue(request).availabilities(product_id, sku_id))


class AvailabilityById(CatalogueResource):
    @operation("getAvailability", "One way to buy a SKU", Availability, query=COUNTRY)
    def get(self, request: Request, product_id: str, sku_id: str, availability_id: str) -> Response:
        return Response(self.catalogue(request).availability(product_id, sku_id, availability_id))


class Publishers(OwnResource):
    @operation("listPublishers", "The publishers", Collection[PublisherShown])
    def get(self, request: Request) -> Response:
        shown = map(health.publisher, publishers_visible_to(caller(request)))
        return Response(collection(shown, "/publishers"))
