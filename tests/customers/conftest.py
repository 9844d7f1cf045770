import re
from html import unescape

import pytest
import time_machine
from django.test import Client

from accounts.policy import Role
from tests.factories.accounts import UserFactory
from tests.factories.subscriptions import NOON


@pytest.fixture(autouse=True)
def _at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


def signed_in(*roles: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(active_role=roles[0], roles=list(roles)))
    return client


@pytest.fixture
def admin() -> Client:
    return signed_in(Role.ADMIN_AGENT)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))
