"""One round of lists and searches over one database, in this process: `python -m bench.list_ways lists|search|plans`.

Prints as JSON the seconds that each way took, by name, one after the other; for `plans` the rows that are read.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402 - once Django is there
from django.test import Client, RequestFactory  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from rest_framework.pagination import PageNumberPagination  # noqa: E402
from rest_framework.serializers import CharField, ModelSerializer  # noqa: E402
from rest_framework.viewsets import ReadOnlyModelViewSet  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.policy import Role  # noqa: E402
from bench.plans import plans_of  # noqa: E402
from customers.models import Customer  # noqa: E402
from partnerhub.web.pages import _encode  # noqa: E402
from publishers.models import Offer  # noqa: E402
from subscriptions.enums import Status  # noqa: E402
from subscriptions.models import Subscription  # noqa: E402
from subscriptions.sorts import SORTS  # noqa: E402

ADDRESS = "/subscriptions/"
LARGE = 5000
EMAIL = "bench@example.com"
_LIMIT = """
SELECT json_agg(row_to_json(page)) FROM (
  SELECT s.id, s.nickname, s.quantity, s.status, s.unit_price, s.currency, s.auto_renew, s.purchased_at, s.activated_at,
         s.term_start, s.term_end, s.version, c.name AS customer, o.title AS offer, p.name AS publisher
    FROM subscriptions_subscription s JOIN customers_customer c ON c.id = s.customer_id
    JOIN publishers_offer o ON o.id = s.offer_id JOIN publishers_publisher p ON p.id = s.publisher_id
   ORDER BY s.purchased_at DESC, s.id DESC LIMIT 50) AS page
"""


class _Row(ModelSerializer):  # type: ignore[misc]
    customer = CharField(source="customer.name")
    offer = CharField(source="offer.title")
    publisher = CharField(source="publisher.name")

    class Meta:
        model = Subscription
        fields = (
            "id", "nickname", "quantity", "status", "unit_price", "currency", "auto_renew", "purchased_at",
            "activated_at", "term_start", "term_end", "version", "customer", "offer", "publisher",
        )  # fmt: skip


class _Pages(PageNumberPagination):  # type: ignore[misc]
    page_size = 50


class _Naive(ReadOnlyModelViewSet):  # type: ignore[misc]
    """What DRF's own pages make of the table: counted whole, skipped row by row."""

    queryset = Subscription.objects.select_related("customer", "offer", "publisher").order_by("-purchased_at", "-id")
    serializer_class = _Row
    pagination_class = _Pages
    authentication_classes = ()
    permission_classes = ()


def main() -> None:
    what, times = sys.argv[1], int(sys.argv[2])
    if what == "plans":
        sys.stdout.write(json.dumps({name: _read(way) for name, way in (_lists() | _searches()).items()}))
        return
    ways = _lists() if what == "lists" else _searches()
    told = {name: [_seconds(way) for _ in range(times + 1)][1:] for name, way in ways.items()}
    sys.stdout.write(json.dumps({"seconds": told, "queries": _queries()}))


def _lists() -> dict[str, Callable[[], Any]]:
    rows = Subscription.objects.order_by("-purchased_at", "-id")
    number = rows.count()
    middle = rows.values_list("purchased_at", "pk")[number // 2]
    ways = {"page 1": _ours(), "page 1, partial": _ours(partial=True)}
    ways["deep"] = _ours(after=_encode([middle[0].isoformat(), str(middle[1])]))
    ways |= {f"status {status.value}": _ours(status=status.value) for status in Status}
    ways |= {f"sort {sign}{name}": _ours(sort=f"{sign}{name}") for name in SORTS for sign in ("", "-")}
    ways |= {"naive page 1": _naive(1), "naive deep": _naive(number // 100), "limit": _limit()}
    return ways


def _searches() -> dict[str, Callable[[], Any]]:
    return {"page 1": _ours()} | {f"search {text}": _ours(q=text) for text in _terms()}


def _terms() -> list[str]:
    """Twenty and more: absent, one row, one customer, one offer, a fifth of all, all; parts of names, ids, numbers."""
    customer = Customer.objects.order_by("id")[7]
    one = Subscription.objects.filter(customer=customer).select_related("order_line__order").order_by("id")[0]
    offer = Offer.objects.order_by("id")[3]
    tag = offer.title.split()[1].split("-")[0]
    return [
        "zzzabsent", "qqq", "not there at all", one.nickname, one.nickname[2:], customer.name, customer.domain,
        customer.domain[:9], customer.beneficiary_email, one.order_line.order.number, str(one.pk), str(one.pk)[:8],
        str(customer.pk)[:13], offer.title, "Desk", "desk " + tag, "Werkstatt", "zakład", "ółka", "team", tag, "-77",
        f"{tag}-1", "example",
    ]  # fmt: skip


def _ours(*, partial: bool = False, **params: str) -> Callable[[], Any]:
    headers = {"HX-Request": "true", "HX-Target": "results"} if partial else {}
    client = _agent()
    return lambda: _ok(client.get(ADDRESS, params, headers=headers))


def _naive(page: int) -> Callable[[], Any]:
    view, request = _Naive.as_view({"get": "list"}), RequestFactory().get("/", {"page": page})
    return lambda: _ok(view(request).render())


def _limit() -> Callable[[], Any]:
    connection.ensure_connection()
    database = connection.connection
    return lambda: database.execute(_LIMIT, prepare=True).fetchone()


def _agent() -> Client:
    user = User.objects.filter(email=EMAIL).first()
    client = Client()
    client.force_login(user or User.objects.create_user(EMAIL, "-", name="Bench", roles=(Role.ADMIN_AGENT,)))
    return client


def _read(way: Callable[[], Any]) -> dict[str, Any]:
    """The rows that a page's statements read, the milliseconds they take, and the larger tables read as a whole."""
    plans = plans_of(way)
    whole = {table: rows for plan in plans for table, rows in plan.whole.items() if rows > LARGE}
    return {"read": sum(plan.read for plan in plans), "ms": sum(plan.ms for plan in plans), "whole": whole}


def _queries() -> int:
    """The statements that page 1 asks; a test keeps their number from growing with the rows."""
    client = _agent()
    with CaptureQueriesContext(connection) as captured:
        client.get(ADDRESS)
    return len(captured)


def _ok(answer: Any) -> Any:
    if answer.status_code != 200:
        raise RuntimeError(f"answered {answer.status_code}")
    return answer.content


def _seconds(way: Callable[[], Any]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
