"""Secrets and signing keys: replaced with overlap, ended at once, warned of in time, and nowhere to be read again."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from accounts.keys import OVERLAP, jwks, signer
from accounts.models import ClientSecret, SigningKey
from accounts.policy import OPERATOR, SYSTEM
from accounts.services.clients import SECRET_LIVES, add_secret, verify_secret
from accounts.services.signing import rotate
from partnerhub.errors import KeyNotSigningYet, NotFound, NotPermitted, TooManySecrets
from partnerhub.outbox.models import Event
from publishers.services.secrets import MOST_SECRETS, make_secret, revoke_secret, warn_of_endings
from publishers.tasks import watch_secrets
from tests.factories.publishers import PublisherFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ready_signing_keys")]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def publisher():
    publisher = PublisherFactory()
    publisher.first = add_secret(publisher.client, NOON)
    return publisher


def told(name):
    return list(Event.objects.filter(name=name).order_by("sequence").values_list("data", flat=True))


def sign_in(http, publisher, secret):
    form = {"grant_type": "client_credentials", "client_id": publisher.client_id, "client_secret": secret}
    return http.post(f"/{publisher.client.tenant_id}/oauth2/token", form).status_code


def test_a_new_secret_and_the_old_one_hold_side_by_side(publisher):
    secret = make_secret(OPERATOR, publisher.pk, at=NOON + HOUR)

    assert [verify_secret(publisher.client, one, NOON + HOUR) for one in (publisher.first, secret)] == [True, True]
    (data,) = told("publisher.secret_made")
    assert (data["hint"], data["expires_at"]) == (secret[:3], (NOON + HOUR + SECRET_LIVES).isoformat())
    assert secret not in json.dumps(list(Event.objects.values("data", "reason")))


def test_a_revoked_secret_ends_at_once_and_is_revoked_once(publisher, client, time_machine):
    time_machine.move_to(NOON + HOUR, tick=False)
    second = make_secret(OPERATOR, publisher.pk, at=NOON)
    old = publisher.client.secrets.get(hint=publisher.first[:3])
    assert sign_in(client, publisher, publisher.first) == 200

    for _ in range(2):
        revoke_secret(OPERATOR, publisher.pk, old.pk, at=NOON + HOUR)

    assert (sign_in(client, publisher, publisher.first), sign_in(client, publisher, second)) == (401, 200)
    assert told("publisher.secret_revoked") == [{"secret": old.pk, "hint": old.hint}]


def test_too_many_secrets_and_those_of_others_are_refused(publisher, admin_agent):
    for _ in range(MOST_SECRETS - 1):
        make_secret(OPERATOR, publisher.pk, at=NOON)
    other = PublisherFactory()
    before = sorted(ClientSecret.objects.values_list("pk", "expires_at"))

    with pytest.raises(TooManySecrets):
        make_secret(OPERATOR, publisher.pk, at=NOON)
    with pytest.raises(NotFound):
        revoke_secret(OPERATOR, other.pk, before[0][0], at=NOON)
    with pytest.raises(NotPermitted):
        make_secret(admin_agent, publisher.pk, at=NOON)

    assert sorted(ClientSecret.objects.values_list("pk", "expires_at")) == before
    assert len(told("publisher.secret_made")) == MOST_SECRETS - 1


def test_the_end_of_the_last_secret_is_warned_of_once(publisher):
    ends_at = NOON + SECRET_LIVES

    assert warn_of_endings(SYSTEM, at=ends_at - 30 * DAY - HOUR) == 0
    assert warn_of_endings(SYSTEM, at=ends_at - 30 * DAY) == 1
    assert warn_of_endings(SYSTEM, at=ends_at - 29 * DAY) == 0
    make_secret(OPERATOR, publisher.pk, at=ends_at - 28 * DAY)
    assert warn_of_endings(SYSTEM, at=ends_at) == 0
    assert warn_of_endings(SYSTEM, at=ends_at + SECRET_LIVES) == 1

    hints = [data["hint"] for data in told("publisher.secret_expiring")]
    assert hints == list(publisher.client.secrets.order_by("pk").values_list("hint", flat=True))


def test_when_a_secret_was_last_used_is_kept_to_the_minute(publisher, client, time_machine):
    uses = []
    for seconds in (0, 59, 60):
        time_machine.move_to(NOON + HOUR + timedelta(seconds=seconds), tick=False)
        assert sign_in(client, publisher, publisher.first) == 200
        uses.append(publisher.client.secrets.get().last_used_at - NOON - HOUR)

    assert uses == [timedelta(), timedelta(), timedelta(seconds=60)]


def test_signing_in_needs_no_cache(publisher, client, settings, time_machine):
    time_machine.move_to(NOON + HOUR, tick=False)
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}

    assert sign_in(client, publisher, publisher.first) == 200


def test_a_key_is_replaced_once_at_a_time_and_its_private_half_destroyed_in_the_end(time_machine):
    old = signer(NOON).kid

    new = rotate(OPERATOR, at=NOON).kid
    with pytest.raises(KeyNotSigningYet):
        rotate(OPERATOR, at=NOON + HOUR / 2)

    assert [data["kid"] for data in told("signing_key.rotated")] == [new]
    assert (signer(NOON).kid, signer(NOON + HOUR).kid) == (old, new)
    for moment, halves in ((NOON + HOUR + OVERLAP - DAY / 86400, 2), (NOON + HOUR + OVERLAP, 1)):
        time_machine.move_to(moment, tick=False)
        watch_secrets()
        assert SigningKey.objects.exclude(private_key=b"").count() == halves
        assert len(jwks(moment)["keys"]) == halves


def test_the_command_says_when_the_new_key_signs(capsys, time_machine):
    time_machine.move_to(NOON, tick=False)
    old = signer(NOON).kid

    call_command("rotate_signing_key")

    new = SigningKey.objects.exclude(kid=old).get().kid
    assert capsys.readouterr().out == f"The key {new} is published and signs from 2026-11-23 13:00 UTC on.\n"
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("rotate_signing_key")
