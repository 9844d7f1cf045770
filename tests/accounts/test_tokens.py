"""Tokens as programs get them over HTTP, judged with PyJWT against what the hub publishes."""

import base64
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import uuid4

import jwt
import pytest
import time_machine
from allauth.mfa.models import Authenticator
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.core.management import CommandError, call_command
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from accounts import sealing as second_factor
from accounts.authentication import BearerAuthentication
from accounts.keys import (
    _certificate,
    _thumbprint,
    jwks,
    published_signer,
    rotate_signing_key,
    signer,
    withdraw_signing_key,
)
from accounts.models import Client, ClientSecret, SigningKey
from accounts.policy import Role
from accounts.services.clients import add_secret
from accounts.tokens import (
    GRAPH,
    MARKETPLACE,
    MARKETPLACE_LEGACY,
    PARTNER_CENTER,
    Mismatch,
    TokenRefused,
    Version,
    issue,
    publisher_call_token,
    verify,
)
from partnerhub.clock import now
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import opened, sealed
from partnerhub.outbox.models import Event
from tests.factories.accounts import ClientFactory, UserFactory

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def client_of():
    def make(role, **different):
        program = ClientFactory(role=role, **different)
        program.secret = add_secret(program, now() - HOUR)
        return program

    return make


def ask(http, program, path="oauth2/token", **form):
    whole = {"grant_type": "client_credentials", "client_id": program.id, "client_secret": program.secret, **form}
    return http.post(f"/{program.tenant_id}/{path}", {name: value for name, value in whole.items() if value})


def read(http, token, audience, tenant="common"):
    """The token's claims, verified as a stranger would: with the published keys and the machine's clock."""
    keys = jwt.PyJWKSet.from_dict(http.get(f"/{tenant}/discovery/v2.0/keys").json())
    return jwt.decode(token, keys[jwt.get_unverified_header(token)["kid"]], algorithms=["RS256"], audience=audience)


class TestTokenEndpoint:
    def test_version_1_answers_in_strings_and_names_the_app_in_appid(self, client, client_of):
        publisher = client_of(Role.PUBLISHER)

        response = ask(client, publisher, resource=MARKETPLACE)

        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"
        body = response.json()
        assert {name: body[name] for name in ("token_type", "expires_in", "ext_expires_in", "resource")} == {
            "token_type": "Bearer",
            "expires_in": "3600",
            "ext_expires_in": "3600",
            "resource": MARKETPLACE,
        }
        assert int(body["expires_on"]) - int(body["not_before"]) == 3600
        claims = read(client, body["access_token"], MARKETPLACE)
        assert claims["iss"] == f"{settings.HUB_BASE_URL}/{publisher.tenant_id}/"
        assert (claims["tid"], claims["appid"]) == (str(publisher.tenant_id), str(publisher.id))
        assert (claims["ver"], claims["roles"]) == ("1.0", ["publisher"])
        assert claims["exp"] - claims["iat"] == 3600
        assert claims["nbf"] == claims["iat"]
        assert "azp" not in claims

    def test_version_2_answers_in_numbers_and_names_the_app_in_azp(self, client, client_of):
        publisher = client_of(Role.PUBLISHER)

        body = ask(client, publisher, "oauth2/v2.0/token", scope=f"{MARKETPLACE}/.default").json()

        assert sorted(body) == ["access_token", "expires_in", "ext_expires_in", "token_type"]
        assert body["expires_in"] == 3600
        claims = read(client, body["access_token"], MARKETPLACE)
        assert claims["iss"] == f"{settings.HUB_BASE_URL}/{publisher.tenant_id}/v2.0"
        assert (claims["ver"], claims["azp"]) == ("2.0", str(publisher.id))
        assert "appid" not in claims

    @pytest.mark.parametrize(
        ("role", "asked", "audience"),
        [
            (Role.PUBLISHER, "", MARKETPLACE),
            (Role.PUBLISHER, MARKETPLACE_LEGACY, MARKETPLACE_LEGACY),
            (Role.SALES_AGENT, "", PARTNER_CENTER),
            (Role.SALES_AGENT, PARTNER_CENTER, PARTNER_CENTER),
            (Role.SALES_AGENT, f"{GRAPH}/", GRAPH),
            (Role.SALES_AGENT, settings.HUB_BASE_URL, settings.HUB_BASE_URL),
        ],
    )
    @pytest.mark.parametrize("version", [1, 2])
    def test_each_client_gets_tokens_for_its_own_audiences(self, client, client_of, role, asked, audience, version):
        program = client_of(role)

        if version == 1:
            response = ask(client, program, resource=asked)
        else:
            response = ask(client, program, "oauth2/v2.0/token", scope=asked and f"{asked}/.default")

        assert read(client, response.json()["access_token"], audience)["aud"] == audience

    @pytest.mark.parametrize(
        ("role", "asked"),
        [(Role.PUBLISHER, PARTNER_CENTER), (Role.ADMIN_AGENT, MARKETPLACE), (Role.ADMIN_AGENT, "https://else.example")],
    )
    def test_nobody_gets_a_token_for_an_audience_of_others(self, client, client_of, role, asked):
        program = client_of(role)

        version_1 = ask(client, program, resource=asked)
        version_2 = ask(client, program, "oauth2/v2.0/token", scope=f"{asked}/.default")

        assert (version_1.status_code, version_1.json()["error"]) == (400, "invalid_resource")
        assert (version_2.status_code, version_2.json()["error"]) == (400, "invalid_scope")

    def test_takes_the_secret_in_a_basic_header(self, client, client_of):
        program = client_of(Role.ADMIN_AGENT)
        basic = base64.b64encode(f"{program.id}:{program.secret}".encode()).decode()

        response = client.post(
            f"/{program.tenant_id}/oauth2/token",
            {"grant_type": "client_credentials"},
            headers={"authorization": f"Basic {basic}"},
        )

        assert response.status_code == 200

    @pytest.mark.parametrize(
        "wrong", ["secret", "client", "malformed client", "tenant", "inactive", "expired secret", "no secret kept"]
    )
    def test_never_tells_which_part_of_a_credential_was_wrong(self, client, client_of, wrong):
        program = client_of(Role.ADMIN_AGENT)
        if wrong == "secret":
            program.secret = "another"
        if wrong == "client":
            program.id = uuid4()
        if wrong == "malformed client":
            program.id = "x\0y"
        if wrong == "tenant":
            program.tenant_id = uuid4()
        if wrong == "inactive":
            program.is_active = False
            program.save(update_fields=["is_active"])
        if wrong == "expired secret":
            ClientSecret.objects.update(created_at=now() - 2 * HOUR, expires_at=now() - HOUR)
        if wrong == "no secret kept":
            ClientSecret.objects.all().delete()

        response = ask(client, program)

        assert response.status_code == 401
        assert response["Cache-Control"] == "no-store"
        body = response.json()
        assert (body["error"], body["error_codes"]) == ("invalid_client", [7000215])
        assert body["error_description"] == "AADSTS7000215: Invalid client credentials for this tenant."
        assert "access_token" not in body

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({"grant_type": "password"}, "unsupported_grant_type"),
            ({"grant_type": ""}, "invalid_request"),
            ({"client_id": ""}, "invalid_request"),
            ({"client_secret": ""}, "invalid_request"),
        ],
    )
    def test_says_what_a_request_lacks(self, client, client_of, form, error):
        response = ask(client, client_of(Role.ADMIN_AGENT), **form)

        assert (response.status_code, response.json()["error"]) == (400, error)

    @pytest.mark.parametrize("scope", ["openid nonsense", f"{GRAPH}/.default {PARTNER_CENTER}/.default", "User.Read"])
    def test_refuses_a_scope_that_is_not_one_resource(self, client, client_of, scope):
        response = ask(client, client_of(Role.ADMIN_AGENT), "oauth2/v2.0/token", scope=scope)

        assert (response.status_code, response.json()["error"]) == (400, "invalid_scope")

    def test_refuses_a_tenant_that_is_no_id_and_a_get_in_json(self, client):
        for response in (
            client.post(
                "/contoso.example/oauth2/token",
                {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"},
            ),
            client.get(f"/{uuid4()}/oauth2/token"),
        ):
            assert (response.status_code, response.json()["error"]) == (400, "invalid_request")

    def test_needs_no_csrf_token_and_no_session(self, client_of):
        from django.test import Client as Http

        response = ask(Http(enforce_csrf_checks=True), client_of(Role.ADMIN_AGENT))

        assert response.status_code == 200
        assert response.cookies == {}


class TestDiscovery:
    @pytest.mark.parametrize("version", ["", "/v2.0"])
    def test_the_document_leads_to_the_endpoints_that_answer(self, client, client_of, version):
        program = client_of(Role.ADMIN_AGENT)

        document = client.get(f"/{program.tenant_id}{version}/.well-known/openid-configuration").json()

        path = document["token_endpoint"].removeprefix(f"{settings.HUB_BASE_URL}/{program.tenant_id}/")
        claims = jwt.decode(ask(client, program, path).json()["access_token"], options={"verify_signature": False})
        assert claims["iss"] == document["issuer"]
        keys = client.get(document["jwks_uri"].removeprefix(settings.HUB_BASE_URL)).json()
        assert keys == jwks(now())
        assert "authorization_endpoint" in document

    def test_the_shared_tenant_has_a_pattern_for_an_issuer(self, client):
        document = client.get("/common/v2.0/.well-known/openid-configuration").json()

        assert document["issuer"] == f"{settings.HUB_BASE_URL}/{{tenantid}}/v2.0"

    def test_an_unknown_kind_of_tenant_is_refused_in_json(self, client):
        response = client.get("/contoso/discovery/keys")

        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")

    def test_instance_discovery_points_back_at_the_hub(self, client):
        document = client.get("/common/discovery/instance?api-version=1.1").json()

        assert document["tenant_discovery_endpoint"].startswith(settings.HUB_BASE_URL)
        assert document["metadata"][0]["aliases"] == [settings.HUB_BASE_URL.partition("://")[2]]

    def test_each_key_carries_its_certificate_for_old_verifiers(self, client):
        (key,) = client.get("/common/discovery/keys").json()["keys"]

        certificate = x509.load_der_x509_certificate(base64.b64decode(key["x5c"][0]))
        assert key["kid"] == key["x5t"]
        assert certificate.public_key() == jwt.PyJWK(key).key
        certificate.verify_directly_issued_by(certificate)


class TestKeys:
    def test_the_private_key_is_kept_encrypted(self):
        signer(NOON)

        assert bytes(SigningKey.objects.get().private_key).startswith(b"gAAAA")

    def test_the_first_key_is_made_once(self):
        assert signer(NOON).kid == signer(NOON).kid
        assert SigningKey.objects.count() == 1

    def test_a_new_key_is_published_before_it_signs_and_the_old_one_after_it_signed(self):
        old = signer(NOON).kid

        new = rotate_signing_key(NOON + HOUR).kid

        def published(at):
            return sorted(key["kid"] for key in jwks(at)["keys"])

        assert signer(NOON + HOUR).kid == old
        assert published(NOON + HOUR) == sorted([old, new])
        assert signer(NOON + 2 * HOUR).kid == new
        assert published(NOON + 3.9 * HOUR) == sorted([old, new])
        assert published(NOON + 4 * HOUR) == [new]
        assert published_signer(old, NOON + 4 * HOUR) is None

    def test_a_token_outlives_the_rotation_of_its_key(self):
        program = ClientFactory(role=Role.ADMIN_AGENT)
        token = issue(program, audience=GRAPH, version=Version.V2, at=NOON).access_token

        rotate_signing_key(NOON, handover=timedelta(0))

        assert verify(token, audiences=[GRAPH], at=NOON + timedelta(minutes=59)).client == program

    def test_a_key_that_others_may_have_ends_at_once_with_all_that_it_signed(self, client):
        program, kid = ClientFactory(role=Role.ADMIN_AGENT), signer(NOON).kid
        token = issue(program, audience=GRAPH, version=Version.V2, at=NOON).access_token

        with time_machine.travel(NOON, tick=False):
            call_command("withdraw_signing_key", kid, reason="Stolen", stdout=StringIO())
            keys = client.get(f"/{program.tenant_id}/discovery/keys").json()["keys"]

        with pytest.raises(TokenRefused):
            verify(token, audiences=[GRAPH], at=NOON)
        withdrawn = SigningKey.objects.get(pk=kid)
        assert (bytes(withdrawn.private_key), [key["kid"] for key in keys]) == (b"", [signer(NOON).kid])
        event = Event.objects.get(name="signing_key.withdrawn")
        assert (event.reason, event.data) == ("Stolen", {"kid": kid, "signs": signer(NOON).kid})
        with pytest.raises(CommandError, match="Nothing was changed"):
            call_command("withdraw_signing_key", kid)

    def test_no_key_is_named_as_an_option_of_a_command(self, monkeypatch):
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        moments = (NOON + timedelta(seconds=second) for second in range(5000))
        at = next(at for at in moments if _thumbprint(_certificate(private, at)).startswith("-"))
        first, generate = iter([private]), rsa.generate_private_key
        monkeypatch.setattr(rsa, "generate_private_key", lambda **given: next(first, None) or generate(**given))

        assert signer(at).kid[0] != "-"
        assert signer(at).private.private_numbers() != private.private_numbers()
        # One of before can still be named.
        with pytest.raises(CommandError, match="Nothing was changed"):
            call_command("withdraw_signing_key", "--reason", "Stolen", "--", "-of-before")

    def test_resealed_the_old_secret_key_can_go(self, settings):
        old, message = signer(NOON).kid, sealed("a link", "<p>")
        Message.objects.create(
            key="x", recipient="a@b.example", language="en", subject="X", body=message, created_at=NOON,
            next_attempt_at=NOON,
        )  # fmt: skip
        totp = {"secret": second_factor.sealed("JBSWY3DP"), "name": "Phone"}
        Authenticator.objects.create(user=UserFactory(), type="totp", data=totp)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a" * 50, [settings.SECRET_KEY]

        call_command("reseal", stdout=(told := StringIO()))
        settings.SECRET_KEY_FALLBACKS = []

        assert signer(NOON).kid == old
        assert opened(bytes(Message.objects.get().body)) == ("a link", "<p>")
        assert second_factor.opened(Authenticator.objects.get().data["secret"]) == "JBSWY3DP"
        assert "SECRET_KEY_FALLBACKS can be emptied now." in told.getvalue()
        settings.SECRET_KEY = "b" * 50
        with pytest.raises(CommandError, match="3 were sealed with a key that stands nowhere any more"):
            call_command("reseal", stdout=StringIO())

    def test_another_secret_key_makes_new_keys_and_its_fallback_keeps_the_old(self, settings):
        old, settings.SECRET_KEY_FALLBACKS = signer(NOON).kid, [settings.SECRET_KEY]
        settings.SECRET_KEY = "a" * 50
        assert signer(NOON).kid == old

        settings.SECRET_KEY_FALLBACKS = []
        settings.SECRET_KEY = "b" * 50
        assert signer(NOON).kid != old


class TestVerification:
    def refused(self, token, at=NOON, audiences=(PARTNER_CENTER,)):
        with pytest.raises(TokenRefused) as caught:
            verify(token, audiences=audiences, at=at)
        return caught.value.mismatch

    def token(self, at=NOON, **different):
        return issue(
            ClientFactory(role=Role.ADMIN_AGENT, **different), audience=PARTNER_CENTER, version=Version.V1, at=at
        ).access_token

    def test_names_the_client_it_was_issued_to(self):
        program = ClientFactory(role=Role.OPS_AGENT)
        token = issue(program, audience=PARTNER_CENTER, version=Version.V1, at=NOON).access_token

        assert verify(token, audiences=[PARTNER_CENTER], at=NOON).client.actor() == program.actor()

    def test_names_what_did_not_match(self):
        token = self.token()

        assert self.refused("nonsense") == Mismatch.FORM
        assert self.refused(token, audiences=(GRAPH,)) == Mismatch.AUDIENCE
        assert self.refused(token, at=NOON + HOUR) == Mismatch.EXPIRY
        assert self.refused(token, at=NOON - HOUR) == Mismatch.EXPIRY
        assert self.refused(self.token(is_active=False)) == Mismatch.APP
        assert self.refused(token[:-8] + "AAAAAAAA") == Mismatch.SIGNATURE

    def test_refuses_a_token_of_another_issuer_with_our_kid(self, settings):
        token = self.token()
        claims = jwt.decode(token, options={"verify_signature": False})
        forged = jwt.encode(claims, "a shared secret of 32 bytes or more", headers={"kid": signer(NOON).kid})
        unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": signer(NOON).kid})
        settings.HUB_BASE_URL = "https://hub.example"

        assert self.refused(forged) == Mismatch.SIGNATURE
        assert self.refused(unsigned) == Mismatch.SIGNATURE
        assert self.refused(jwt.encode(claims, None, algorithm="none", headers={"kid": "x\0"})) == Mismatch.SIGNATURE
        assert self.refused(token) == Mismatch.ISSUER

    def test_a_token_ends_with_the_role_it_was_issued_for(self):
        program = ClientFactory(role=Role.ADMIN_AGENT)
        token = issue(program, audience=PARTNER_CENTER, version=Version.V1, at=NOON).access_token
        program.role = Role.SALES_AGENT
        program.save(update_fields=["role"])

        assert self.refused(token) == Mismatch.APP

    @pytest.mark.parametrize(
        ("mismatch", "happens"),
        [
            (Mismatch.APP, lambda program, kid: Client.objects.filter(pk=program.pk).update(is_active=False)),
            (Mismatch.APP, lambda program, kid: Client.objects.filter(pk=program.pk).update(role=Role.OPS_AGENT)),
            (Mismatch.APP, lambda program, kid: program.delete()),
            (Mismatch.SIGNATURE, lambda program, kid: withdraw_signing_key(kid, NOON)),
            (Mismatch.SIGNATURE, lambda program, kid: SigningKey.objects.filter(pk=kid).delete()),
            (Mismatch.SIGNATURE, lambda program, kid: SigningKey.objects.filter(pk=kid).update(private_key=b"x")),
        ],
    )
    def test_what_was_proven_is_refused_on_the_next_call_after_it_was_taken_back(self, mismatch, happens):
        program = ClientFactory(role=Role.ADMIN_AGENT)
        token = issue(program, audience=PARTNER_CENTER, version=Version.V1, at=NOON).access_token
        kid = signer(NOON).kid
        assert [verify(token, audiences=[PARTNER_CENTER], at=NOON).client.pk for _ in range(2)] == [program.pk] * 2

        happens(program, kid)

        assert self.refused(token) == mismatch

    def test_a_shifted_hub_writes_unshifted_time(self, settings):
        settings.HUB_CLOCK_OFFSET = "P40D"

        token = self.token(at=NOON + timedelta(days=40))

        assert jwt.decode(token, options={"verify_signature": False})["iat"] == int(NOON.timestamp())
        assert verify(token, audiences=[PARTNER_CENTER], at=NOON + timedelta(days=40)).claims["aud"] == PARTNER_CENTER


def test_the_hub_calls_a_publisher_as_the_marketplace(client):
    app = ClientFactory(role=Role.PUBLISHER)

    claims = read(client, publisher_call_token(app, at=now()), str(app.id), tenant=app.tenant_id)

    assert (claims["aud"], claims["tid"]) == (str(app.id), str(app.tenant_id))
    assert (claims["appid"], claims["azp"]) == (MARKETPLACE, MARKETPLACE)
    assert claims["iss"] == f"{settings.HUB_BASE_URL}/{app.tenant_id}/"
    assert claims["exp"] - claims["nbf"] == 600


class TestBearerAuthentication:
    def request(self, credential=None):
        headers = {"authorization": credential} if credential else {}
        return APIRequestFactory().get("/v1/customers", headers=headers)

    def test_the_client_of_the_token_is_the_actor(self):
        program = ClientFactory(role=Role.SALES_AGENT)
        token = issue(program, audience=GRAPH, version=Version.V2, at=now()).access_token

        actor, claims = BearerAuthentication().authenticate(self.request(f"Bearer {token}"))

        assert actor == program.actor()
        assert claims["azp"] == str(program.id)

    def test_a_publishers_token_opens_nothing_here(self):
        token = issue(ClientFactory(role=Role.PUBLISHER), audience=MARKETPLACE, version=Version.V1, at=now())

        with pytest.raises(AuthenticationFailed) as refused:
            BearerAuthentication().authenticate(self.request(f"Bearer {token.access_token}"))

        assert refused.value.get_codes() == "token_audience"

    def test_no_credential_is_left_to_the_view(self):
        assert BearerAuthentication().authenticate(self.request()) is None
        assert BearerAuthentication().authenticate_header(self.request()).startswith("Bearer ")
