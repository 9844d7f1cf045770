import pytest

from accounts.policy import Actor, Role
from tests.factories.accounts import actor


@pytest.fixture
def admin_agent() -> Actor:
    return actor(Role.ADMIN_AGENT)


@pytest.fixture
def sales_agent() -> Actor:
    return actor(Role.SALES_AGENT)


@pytest.fixture
def ops_agent() -> Actor:
    return actor(Role.OPS_AGENT)
