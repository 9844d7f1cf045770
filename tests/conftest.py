import gc
import os
from itertools import cycle
from typing import Any

import pytest
from django.db import connections

from accounts import keys
from accounts.policy import Actor, Role
from tests.factories.accounts import actor
from tests.factories.billing import restore_billing_data
from tests.factories.publishers import restore_default_policies


def pytest_collection_finish() -> None:
    """Leave what collecting has made alone: the collector would walk all of it again and again, a fifth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """In a whole run the tests' database begins as a copy of one that is migrated, and each part has its own."""
    given = connections["default"].settings_dict["TEST"]
    given["TEMPLATE"] = os.environ.get("HUB_TEST_TEMPLATE")
    given["NAME"] = os.environ.get("HUB_TEST_DATABASE") or given["NAME"]


@pytest.fixture
def admin_agent() -> Actor:
    return actor(Role.ADMIN_AGENT)


@pytest.fixture
def sales_agent() -> Actor:
    return actor(Role.SALES_AGENT)


@pytest.fixture
def ops_agent() -> Actor:
    return actor(Role.OPS_AGENT)


@pytest.fixture(scope="session")
def _made_before() -> list[Any]:
    return [keys.rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(4)]


@pytest.fixture
def ready_signing_keys(monkeypatch, _made_before) -> None:
    """Making an RSA key takes longer than all the rest of a test; any will do. But not one alone: where its name begins
    with a hyphen, as one in 64 does, the hub asks for another, for ever.
    """
    made = cycle(_made_before)
    monkeypatch.setattr("accounts.keys.rsa.generate_private_key", lambda **_options: next(made))


@pytest.fixture(autouse=True)
def default_policies(request):
    """The policies of the migration, also after a test that committed and so emptied every table at its end."""
    if request.node.get_closest_marker("django_db") is None:
        return
    request.getfixturevalue("_django_db_helper")
    restore_default_policies()


@pytest.fixture
def billing_data(default_policies):
    """The series of numbers and the tax rates of the migration, also after a test that committed."""
    restore_billing_data()
