from datetime import timedelta
from urllib.parse import quote

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.policy import Actor, Role
from tests.factories.subscriptions import NOON

LATER = NOON + timedelta(hours=1)


@pytest.fixture(autouse=True)
def an_hour_later():
    """Programs call an hour after what the factories did at noon."""
    with time_machine.travel(LATER, tick=False):
        yield


def program(role: Role) -> Actor:
    return Actor(kind="client", id=f"program-{role}", label=f"Program {role}", role=role, roles=(role,))


class Program(APIClient):
    """A program in one role; paths as the dialect's links write them, relative and without /v1."""

    def __init__(self, role: Role) -> None:
        super().__init__()
        self.force_authenticate(user=program(role))

    def generic(self, method, path, *args, **kwargs):
        return super().generic(method, f"/v1{path}", *args, **kwargs)

    def send(self, method: str, path: str, body=None, **headers):
        """Call with a JSON body and headers named as on the wire, with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return getattr(self, method)(path, body, format="json", headers=named)


@pytest.fixture
def admin() -> Program:
    return Program(Role.ADMIN_AGENT)


@pytest.fixture
def sales() -> Program:
    return Program(Role.SALES_AGENT)


@pytest.fixture
def ops() -> Program:
    return Program(Role.OPS_AGENT)


@pytest.fixture
def platform() -> Program:
    return Program(Role.PLATFORM_ADMIN)


def refused(response, status: int, code: int) -> str:
    """Check that a response is a refusal in the dialect's shape; returns its sentence."""
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert sorted(body) == ["code", "data", "description", "source"]
    assert body["source"] == "PartnerHub"
    return body["description"]


def path_of(subscription, *rest: str) -> str:
    return "/".join([f"/customers/{subscription.customer_id}/subscriptions/{subscription.pk}", *map(quote, rest)])
