"""Everything that is done on a page has its operation, or a reason why it has none: as docs/api.md lists it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.api.world import OPERATIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs/api.md").read_text()
ROWS = re.findall(r"^\| .+? \| (`/.+?`) \| (.+?) \|$", PAGE.partition("## Page and program")[2], re.MULTILINE)
ADDRESSES = [address for addresses, _ in ROWS for address in re.findall(r"`(.+?)`", addresses)]
BELOW = tuple(address.removesuffix("…") for address in ADDRESSES if address.endswith("…"))
# Where programs call, and what answers without a person.
PROGRAMS = ("/v1/", "/api/", "/webhooks/", "/health/", "/metrics", "/{}/", "/developers/fulfillment", "/^")
SOME = {"uuid": str(UUID(int=0)), "int": "1", "str": "x", "slug": "x"}
PART = re.compile(r"<(\w+):\w+>")


def routes(resolver: Any, before: str = "/") -> Iterator[str]:
    for one in resolver.url_patterns:
        route = f"{before}{one.pattern}"
        if isinstance(one, URLPattern):
            yield route
        else:
            yield from routes(one, route)


def takes_a_form(route: str) -> bool:
    """Whether a page is sent anything: its methods are judged before who sends it."""
    address = PART.sub(lambda found: SOME[found[1]], route)
    return Client(raise_request_exception=False).post(address).status_code != 405


@pytest.mark.django_db
def test_every_page_that_takes_a_form_is_placed_and_nothing_else_is() -> None:
    pages = {PART.sub("{}", route): route for route in routes(get_resolver()) if "(?P<" not in route}
    ours = {name: route for name, route in pages.items() if not name.startswith(PROGRAMS)}
    sent = {name for name, route in ours.items() if not name.startswith(BELOW) and takes_a_form(route)}
    assert len(ADDRESSES) == len(set(ADDRESSES))
    assert sent == {address for address in ADDRESSES if not address.endswith("…")}
    assert all(any(name.startswith(below) for name in ours) for below in BELOW)


def test_each_has_operations_that_there_are_or_a_reason() -> None:
    for addresses, by_program in ROWS:
        named = re.findall(r"`(\w+)`", by_program)
        assert set(named) <= set(OPERATIONS), addresses
        assert named or re.fullmatch(r"no: .{10,}", by_program), addresses
