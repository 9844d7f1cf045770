"""What lists and searches over one database are measured by: `python -m bench.list_ways calls|pages|statements|plans`.

`calls` prints what a program asks, for `bench.load`; `pages N` asks for the page of an agent so many times, in this
process, and prints the seconds; `statements` how many of them the lists of programs cost; `plans` the rows that
PostgreSQL reads for each. All as JSON, by name.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import django

django.setup()

from django.conf import settings  # noqa: E402 - once Django is there
from django.db import connection  # noqa: E402
from django.test import Client as Browser  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.models import Client, User  # noqa: E402
from accounts.policy import Role  # noqa: E402
from accounts.tokens import PARTNER_CENTER, Version, issue  # noqa: E402
from bench.list_servers import SIZE  # noqa: E402
from bench.plans import plans_of  # noqa: E402
from customers.models import Customer  # noqa: E402
from partnerhub.api.pages import token_of  # noqa: E402
from partnerhub.api.shapes import CONTINUATION  # noqa: E402
from partnerhub.clock import now  # noqa: E402
from partnerhub.web.pages import _encode  # noqa: E402
from publishers.models import Offer  # noqa: E402
from subscriptions.enums import Status  # noqa: E402
from subscriptions.models import Subscription  # noqa: E402
from subscriptions.sorts import SORTS  # noqa: E402

PAGE, LIST = "/subscriptions/", "/v1/subscriptions"
LARGE = 5000
EMAIL = "bench@example.com"
Call = dict[str, Any]
Way = Callable[[], Any]


def main() -> None:
    what = sys.argv[1]
    if what == "calls":
        told: Any = {"lists": _lists(), "searches": _searches(), "naive deep": _number() // (2 * SIZE)}
    elif what == "pages":
        told = {name: [_seconds(way) for _ in range(int(sys.argv[2]) + 1)][1:] for name, way in _pages().items()}
    elif what == "statements":
        told = {call["name"]: _statements(_asking(call)) for call in (*_lists(), *_searches())}
    else:
        told = {call["name"]: _read(_asking(call)) for call in (*_lists(), *_searches())}
    sys.stdout.write(json.dumps(told))


def _lists() -> list[Call]:
    middle = _middle()

    calls = [_call("page 1"), _call("deep", seekOperation="Next")]
    calls[1]["headers"][CONTINUATION] = token_of([middle, middle])
    calls += [_call(f"status {status.value}", status=status.value) for status in Status]
    return calls + [_call(f"sort {sign}{name}", sort=f"{sign}{name}") for name in SORTS for sign in ("", "-")]


def _searches() -> list[Call]:
    return [_call(f"search {text}", q=text) for text in _terms()]


def _call(name: str, **params: str) -> Call:
    return {"name": name, "path": f"{LIST}?{urlencode({'size': SIZE, **params})}", "headers": dict(_bearer())}


def _number() -> int:
    return Subscription.objects.count()


def _middle() -> tuple[Any, Any]:
    rows = Subscription.objects.order_by("-purchased_at", "-id")
    return rows.values_list("purchased_at", "pk")[_number() // 2]


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


def _bearer() -> Call:
    """What a program in the role of an admin agent says of itself; it lives an hour."""
    names = {"name": "Bench", "role": Role.ADMIN_AGENT, "tenant_id": settings.HUB_TENANT_ID}
    program, _ = Client.objects.get_or_create(**names, defaults={"created_at": now()})
    token = issue(program, audience=PARTNER_CENTER, version=Version.V2, at=now()).access_token
    return {"Authorization": f"Bearer {token}"}


def _pages() -> dict[str, Way]:
    when, pk = _middle()
    ways = {"page 1": _page(), "page 1, partial": _page(partial=True)}
    ways["deep"] = _page(after=_encode([when.isoformat(), str(pk)]))
    ways |= {f"status {status.value}": _page(status=status.value) for status in Status}
    return ways | {f"sort {sign}{name}": _page(sort=f"{sign}{name}") for name in SORTS for sign in ("", "-")}


def _page(*, partial: bool = False, **params: str) -> Way:
    headers = {"HX-Request": "true", "HX-Target": "results"} if partial else {}
    user = User.objects.filter(email=EMAIL).first()
    browser = Browser()
    browser.force_login(user or User.objects.create_user(EMAIL, "-", name="Bench", roles=(Role.ADMIN_AGENT,)))
    return lambda: _ok(browser.get(PAGE, params, headers=headers))


def _asking(call: Call) -> Way:
    browser = Browser()
    return lambda: _ok(browser.get(call["path"], headers=call["headers"]))


def _read(way: Way) -> dict[str, Any]:
    """The rows that a list's statements read, the milliseconds they take, and the larger tables read as a whole."""
    plans = plans_of(way)
    whole = {table: rows for plan in plans for table, rows in plan.whole.items() if rows > LARGE}
    return {"read": sum(plan.read for plan in plans), "ms": sum(plan.ms for plan in plans), "whole": whole}


def _statements(way: Way) -> int:
    way()
    with CaptureQueriesContext(connection) as captured:
        way()
    return len(captured)


def _ok(answer: Any) -> Any:
    if answer.status_code != 200:
        raise RuntimeError(f"answered {answer.status_code}")
    return answer.content


def _seconds(way: Way) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
