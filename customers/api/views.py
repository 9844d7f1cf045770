"""Customers, read by programs."""

import json

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from customers.api import shapes
from customers.api.shapes import CustomerShown
from customers.selectors import customer_for, customers_visible_to
from partnerhub.api.pages import page_of
from partnerhub.api.reading import storable
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Collection, collection, guid
from partnerhub.api.views import Resource
from partnerhub.errors import InvalidInput

FIELDS = {"companyname": "name__istartswith", "domain": "domain__istartswith", "indirectreseller": "reseller_id"}
QUERY = {
    "size": "How many in a page: 1 to 500, 100 when absent.",
    "filter": '`{"Field": "CompanyName" | "Domain" | "IndirectReseller", "Value": "cont", "Operator": "starts_with"}`',
    "seekOperation": "`Next`, with the MS-ContinuationToken header that links.next gives.",
}


class Customers(Resource):
    @operation("listCustomers", "The customers, by name", Collection[CustomerShown], query=QUERY)
    def get(self, request: Request) -> Response:
        visible = customers_visible_to(caller(request)).filter(**_filter(request))
        page = page_of(visible, request, "/customers", key="name")
        shown = map(shapes.customer, page.rows)
        return Response(collection(shown, "/customers", total=visible.count(), following=page.following))


class CustomerById(Resource):
    @operation("getCustomer", "One customer", CustomerShown)
    def get(self, request: Request, customer_id: str) -> Response:
        return Response(shapes.customer(customer_for(caller(request), guid(customer_id, "customer"))))


def _filter(request: Request) -> dict[str, str]:
    text = request.query_params.get("filter")
    if not text:
        return {}
    try:
        asked = {str(name).lower(): str(value) for name, value in json.loads(text).items()}
        lookup = FIELDS[asked["field"].lower()]
    except (ValueError, KeyError, AttributeError, RecursionError):
        raise InvalidInput(
            field="filter", problem="JSON with Field (CompanyName, Domain or IndirectReseller)"
        ) from None
    if asked.get("operator", "starts_with") not in ("starts_with", "equals") or not storable(asked.get("value", "")):
        raise InvalidInput(field="filter", problem="the operator starts_with and a printable Value are expected")
    return {lookup: asked.get("value", "")}
