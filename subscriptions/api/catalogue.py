"""A customer's catalogue: prices in its currency, and of each item why it cannot be bought."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize
from customers.selectors import customer_for
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, guid
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import AvailabilityNotFound, InvalidInput, NotFound, NotPermitted, ProductNotFound, SkuNotFound
from publishers.api.catalogue import Catalogue
from publishers.api.shapes import Availability, Product, Sku
from publishers.api.views import SEGMENT, TARGETS, check_targets
from subscriptions.api import examples, grants

REFUSALS = (NotPermitted, NotFound, InvalidInput)


def catalogue_of(request: Request, customer_id: str) -> Catalogue:
    actor = caller(request)
    authorize(actor, Action.CATALOGUE_READ)
    check_targets(request)
    customer = customer_for(actor, guid(customer_id, "customer"))
    return Catalogue(f"/customers/{customer.pk}/products", customer.country, customer.currency, now())


class Products(Resource):
    @operation(
        "listCustomerProducts",
        "The products for a customer",
        Collection[Product],
        query=TARGETS,
        about="Everything that the hub sells; `unavailable` of an availability says why it cannot be bought.",
        roles=grants.CATALOGUE_READERS,
        refusals=REFUSALS,
        answer=examples.OWN_PRODUCTS,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        return Response(catalogue_of(request, customer_id).products())


class ProductById(Resource):
    @operation(
        "getCustomerProduct",
        "One product for a customer",
        Product,
        about="An offer of a publisher is a product.",
        roles=grants.CATALOGUE_READERS,
        refusals=(*REFUSALS, ProductNotFound),
        answer=examples.OWN_PRODUCT,
    )
    def get(self, request: Request, customer_id: str, product_id: str) -> Response:
        return Response(catalogue_of(request, customer_id).product(product_id))


class Skus(Resource):
    @operation(
        "listCustomerSkus",
        "The SKUs of a product for a customer",
        Collection[Sku],
        query=SEGMENT,
        about="A plan of an offer is a SKU.",
        roles=grants.CATALOGUE_READERS,
        refusals=(*REFUSALS, ProductNotFound),
        answer=examples.OWN_SKUS,
    )
    def get(self, request: Request, customer_id: str, product_id: str) -> Response:
        return Response(catalogue_of(request, customer_id).skus(product_id))


class SkuById(Resource):
    @operation(
        "getCustomerSku",
        "One SKU for a customer",
        Sku,
        about="The limits of its quantity are inclusive.",
        roles=grants.CATALOGUE_READERS,
        refusals=(*REFUSALS, ProductNotFound, SkuNotFound),
        answer=examples.OWN_SKU,
    )
    def get(self, request: Request, customer_id: str, product_id: str, sku_id: str) -> Response:
        return Response(catalogue_of(request, customer_id).sku(product_id, sku_id))


class Availabilities(Resource):
    @operation(
        "listCustomerAvailabilities",
        "The ways to buy a SKU for a customer",
        Collection[Availability],
        query=SEGMENT,
        about="Each term and billing cycle is an availability, with the price in the customer's currency.",
        roles=grants.CATALOGUE_READERS,
        refusals=(*REFUSALS, ProductNotFound, SkuNotFound),
        answer=examples.OWN_AVAILABILITIES,
    )
    def get(self, request: Request, customer_id: str, product_id: str, sku_id: str) -> Response:
        return Response(catalogue_of(request, customer_id).availabilities(product_id, sku_id))


class AvailabilityById(Resource):
    @operation(
        "getCustomerAvailability",
        "One way to buy a SKU for a customer",
        Availability,
        about="`catalogItemId` is what a cart takes.",
        roles=grants.CATALOGUE_READERS,
        refusals=(*REFUSALS, ProductNotFound, SkuNotFound, AvailabilityNotFound),
        answer=examples.OWN_AVAILABILITY,
    )
    def get(self, request: Request, customer_id: str, product_id: str, sku_id: str, availability_id: str) -> Response:
        return Response(catalogue_of(request, customer_id).availability(product_id, sku_id, availability_id))
