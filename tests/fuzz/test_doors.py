"""Odd values at every place of each call: a refusal that changes nothing, or what was asked; no failure of ours."""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import time_machine
from django.db import connection, transaction
from django.http import HttpResponse
from rest_framework.test import APIClient

from accounts.policy import Role
from partnerhub.outbox.models import Event
from tests.api.upkeep_world import OUTSIDE
from tests.api.world import BEFORE_TRADE, OPERATIONS, PREPARED, World, example_of, query_of
from tests.factories.invoices import AFTERWARDS

pytestmark = pytest.mark.django_db

DEEP = "[" * 3000
TEXTS = [
    *("", " ", "0", "-1", "9" * 30, "9" * 5000, "NaN", "1e999", "1.5", "null", "{}", "[]", '""', "true", "*", "١٢"),
    *(
        "0001-01-01",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30",
        "2026-11-23T25:00:00Z",
        "P9999999999999D",
        "İ",
        "🦄" * 90,
    ),
    *("' OR 1=1 --", "../../etc/passwd", "%00", "\x00", "x" * 5000, "{0.__class__}", "%(n)s%n", "<script>"),
    *(DEEP, base64.urlsafe_b64encode(DEEP.encode()).decode(), json.dumps({"Field": DEEP, "Value": []})),
    *(
        base64.urlsafe_b64encode(told.encode()).decode()
        for told in ('["\\u0000", "\\ud800"]', '["9999-12-31", null]', "{}")
    ),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 2**31, 2**63, 10**400, "\ud800", [], {}, [[]], [None], {"": {}}),
    json.loads("[" * 200 + "]" * 200),
    *TEXTS,
]
ALL = slice(None)
HEADERS = (
    "If-Match",
    "MS-ContinuationToken",
    "MS-RequestId",
    "MS-CorrelationId",
    "Prefer",
    "Accept",
    "Accept-Language",
)


@pytest.fixture
def world(settings: Any, billing_data: None) -> Iterator[World]:
    settings.HUB_ALLOW_PRIVATE_PUBLISHERS = True
    settings.HUB_API_CALLS_A_MINUTE = settings.HUB_API_OTHER_CALLS_A_MINUTE = settings.HUB_CUSTOMER_PAGES_A_MINUTE = 0
    with time_machine.travel(AFTERWARDS, tick=False):
        world = World()
        world.trade()
        yield world


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a body: each member, at any depth, and the body itself."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in inside:
        yield from places(member, (*path, name))


def put(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The body with something else at a place."""
    if not path:
        return value
    changed = copy.deepcopy(body)
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    return changed


class Caller:
    """Calls operations as their examples have it, but for one odd thing, and forgets what it did."""

    def __init__(self, world: World) -> None:
        self.world, self.wrong = world, list[str]()

    def role_of(self, described: dict[str, Any]) -> Role:
        return Role(described["security"][0]["bearer"][0])

    def try_odd(self, name: str, values: slice, places_of: slice) -> None:
        """Some of the odd values at some of the places there are."""
        _, path, described = OPERATIONS[name]
        parameters = [one for one in described["parameters"] if one["in"] == "query"]
        ids = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        body = example_of(described.get("requestBody", {"content": {}})["content"])
        with transaction.atomic():
            self.world.role, self.world.found = self.role_of(described), {}
            PREPARED.get(name, lambda world: None)(self.world)
            for value in TEXTS[values]:
                for parameter in parameters[places_of]:
                    self.call(name, query={parameter["name"]: value})
                for header in HEADERS[places_of]:
                    self.call(name, headers={header: value.encode("ascii", "ignore").decode().replace("\x00", "")})
                for one in ids[places_of]:
                    self.call(name, ids={one: value})
            for value in VALUES[values] if body is not None else ():
                for place in list(places(body))[places_of]:
                    self.call(name, place=place, value=value)
            transaction.set_rollback(True)

    def call(self, name: str, *, query: Any = None, headers: Any = None, ids: Any = None, **odd: Any) -> None:
        method, path, described = OPERATIONS[name]
        world, client = self.world, APIClient(raise_request_exception=False)
        client.force_authenticate(user=world.clients[world.role])
        known = world.ids(name, path, world.role) | (ids or {})
        address = path.format_map({key: quote(str(value), safe="") for key, value in known.items()})
        address += query_of(name, described)
        if query:
            address += ("&" if "?" in address else "?") + urlencode(query)
        body = world.body(example_of(described.get("requestBody", {"content": {}})["content"]))
        if odd:
            body = put(body, odd["place"], odd["value"])
        sent = "" if body is None and not odd else json.dumps(body)
        with transaction.atomic():
            before = Event.objects.count()
            response = client.generic(method.upper(), address, sent, "application/json", headers=headers)
            self.judge(response, before, f"{name} {str(query or headers or ids or odd)[:160]}")
            transaction.set_rollback(True)

    def judge(self, response: HttpResponse, before: int, told: str) -> None:
        """Note what broke, and a refusal that has done something all the same."""
        status = response.status_code
        if status >= 500 or (status >= 400 and not connection.needs_rollback and Event.objects.count() != before):
            self.wrong.append(f"{status} {told}")


@pytest.mark.timeout(3000)
@pytest.mark.parametrize("scope", ["some", pytest.param("all", marks=pytest.mark.exhaustive)])
def test_no_odd_value_breaks_an_operation(world: World, scope: str) -> None:
    caller = Caller(world)
    names = sorted(set(OPERATIONS) - OUTSIDE - BEFORE_TRADE)
    for number, name in enumerate(names[:: 2 if scope == "some" else 1]):
        at = number % len(TEXTS)
        caller.try_odd(
            name, *((slice(at, at + 1), slice(0, 1)) if scope == "some" else (slice(number % 5, None, 5), ALL))
        )
    assert "\n".join(caller.wrong) == ""
