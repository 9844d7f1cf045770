import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Client, ClientSecret
from accounts.policy import OPERATOR, Role
from accounts.services.clients import (
    SECRET_LIVES,
    add_secret,
    create_api_client,
    create_client,
    rotate_secret,
    verify_secret,
)
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NotFound, NotPermitted
from partnerhub.outbox.models import Event
from tests.factories.accounts import ClientFactory
from tests.factories.customers import CustomerFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TENANT = UUID("7c1b3f0e-52f5-4f0c-9b1e-5f1a3c2d4e6f")


def test_a_secret_is_told_once_and_kept_as_a_hash():
    client, secret = create_api_client(
        OPERATOR, name="Nightly import", role=Role.SALES_AGENT, tenant_id=TENANT, at=NOON
    )

    kept = ClientSecret.objects.get()
    assert len(secret) >= 43
    assert secret not in kept.hash
    assert kept.hint == secret[:3]
    assert client.actor().role == Role.SALES_AGENT
    assert verify_secret(client, secret, NOON)
    assert secret not in json.dumps(list(Event.objects.values("name", "data", "actor_label")))


@pytest.mark.parametrize("wrong", ["", "x", "SECRET", "Ä"])
def test_a_wrong_secret_is_not_the_right_one(wrong):
    client, secret = create_client("Program", Role.ADMIN_AGENT, TENANT, NOON)

    assert not verify_secret(client, wrong, NOON)
    assert not verify_secret(client, secret + "x", NOON)
    assert not verify_secret(ClientFactory(), secret, NOON)


def test_a_given_secret_is_kept_with_the_slow_password_hash(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    client, secret = create_client("Publisher", Role.PUBLISHER, TENANT, NOON, uuid4(), "chosen by people")

    assert secret == "chosen by people"
    assert ClientSecret.objects.get().hash.startswith("argon2")
    assert verify_secret(client, "chosen by people", NOON)
    assert not verify_secret(client, "chosen by People", NOON)


def test_a_secret_is_valid_from_its_making_until_its_end():
    client, secret = create_client("Program", Role.ADMIN_AGENT, TENANT, NOON)

    assert not verify_secret(client, secret, NOON - timedelta(seconds=1))
    assert verify_secret(client, secret, NOON + SECRET_LIVES - timedelta(seconds=1))
    assert not verify_secret(client, secret, NOON + SECRET_LIVES)


def test_both_secrets_hold_while_one_is_being_replaced():
    client, first = create_client("Program", Role.ADMIN_AGENT, TENANT, NOON)
    later = NOON + timedelta(days=10)
    second = rotate_secret(OPERATOR, client.pk, overlap=timedelta(hours=24), at=later)

    assert verify_secret(client, first, later + timedelta(hours=23))
    assert not verify_secret(client, first, later + timedelta(hours=24))
    assert verify_secret(client, second, later + timedelta(hours=24))
    assert [event.name for event in Event.objects.all()] == ["client.secret_rotated"]


def test_without_an_overlap_the_old_secret_ends_at_once():
    client, first = create_client("Program", Role.ADMIN_AGENT, TENANT, NOON)
    rotate_secret(OPERATOR, client.pk, at=NOON)

    assert not verify_secret(client, first, NOON)


def test_a_rotation_never_makes_a_secret_live_longer():
    client, first = create_client("Program", Role.ADMIN_AGENT, TENANT, NOON)
    almost = NOON + SECRET_LIVES - timedelta(hours=1)
    rotate_secret(OPERATOR, client.pk, overlap=timedelta(days=7), at=almost)

    assert not verify_secret(client, first, NOON + SECRET_LIVES)


def test_an_unknown_client_has_no_secret_to_rotate():
    with pytest.raises(NotFound):
        rotate_secret(OPERATOR, uuid4(), at=NOON)


def test_only_who_manages_programs_may(admin_agent):
    client = ClientFactory()
    add_secret(client, NOON)

    with pytest.raises(NotPermitted):
        create_api_client(admin_agent, name="Program", role=Role.ADMIN_AGENT, tenant_id=TENANT, at=NOON)
    with pytest.raises(NotPermitted):
        rotate_secret(admin_agent, client.pk, at=NOON)

    assert (Client.objects.count(), ClientSecret.objects.count(), Event.objects.count()) == (1, 1, 0)


@pytest.mark.parametrize(
    ("name", "role", "field"),
    [
        ("  ", Role.ADMIN_AGENT, "name"),
        ("x" * 201, Role.ADMIN_AGENT, "name"),
        ("a\x00b", Role.ADMIN_AGENT, "name"),
        ("Program", Role.SYSTEM, "role"),
        ("Program", Role.PUBLISHER, "role"),
    ],
)
def test_bad_input_is_refused(name, role, field):
    with pytest.raises(InvalidInput) as refusal:
        create_api_client(OPERATOR, name=name, role=role, tenant_id=TENANT, at=NOON)

    assert refusal.value.values["field"] == field
    assert Client.objects.count() == 0


def test_the_command_prints_the_credentials(capsys, settings):
    call_command("create_api_client", name="Rechnungsprüfung", role="ops_agent")

    told = json.loads(capsys.readouterr().out)
    client = Client.objects.get()
    assert set(told) == {"tenant_id", "client_id", "client_secret"}
    assert told["tenant_id"] == settings.HUB_TENANT_ID == str(client.tenant_id)
    assert told["client_id"] == str(client.pk)
    assert client.role == Role.OPS_AGENT
    assert verify_secret(client, told["client_secret"], now())


def test_the_command_limits_a_program_to_customers_by_domain_or_id(capsys):
    first, second = CustomerFactory(domain="one.example"), CustomerFactory()
    call_command("create_api_client", "--name", "Shop", "--customer", "ONE.example", "--customer", str(second.pk))
    assert Client.objects.get().customers == sorted([first.pk, second.pk])

    with pytest.raises(CommandError, match=r"There is no customer two\.example\."):
        call_command("create_api_client", "--name", "Other", "--customer", "two.example")
    assert Client.objects.count() == 1
