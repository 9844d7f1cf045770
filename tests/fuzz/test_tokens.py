"""Made-up, broken and forged tokens at every door that takes one: nobody gets in, and nothing fails of ours."""

import base64
import json
from itertools import product
from urllib.parse import quote

import pytest
from django.test import Client

from accounts.policy import Role
from accounts.services.personal_tokens import PREFIX
from accounts.tokens import MARKETPLACE, PARTNER_CENTER, Version, issue
from partnerhub.clock import now
from partnerhub.outbox.models import Event
from tests.factories.accounts import ClientFactory
from tests.factories.publishers import PublisherFactory

pytestmark = pytest.mark.django_db

DEEP = "[" * 3000
MADE_UP = [
    *("", "..", "a.b.c", "null", "é", "A" * 43, "-" * 4000, "%00", "e30.e30.e30", "\t", "' OR 1=1 --"),
    *(PREFIX, f"{PREFIX}é", f"{PREFIX}{'x' * 43}"),
]
HEADERS = [
    *({}, [], None, 1, {"alg": "none"}, {"alg": None}, {"alg": ["RS256"]}, {"alg": "HS256", "kid": "x"}),
    *(
        {"alg": "RS256", "kid": []},
        {"alg": "RS256", "kid": "x" * 500},
        {"alg": "RS256", "kid": "../x", "crit": ["b64"]},
    ),
]
VERSION = "api-version=2018-08-31"


def part(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def forged(good: str) -> list[str]:
    """A token that was good, with other heads, claims and signatures."""
    head, claims, signature = good.split(".")
    known = json.loads(base64.urlsafe_b64decode(head + "=="))
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    heads = [
        *map(part, [*HEADERS, DEEP, known | {"alg": "none"}, known | {"alg": "HS256"}, known | {"jku": "https://x"}]),
        head,
    ]
    payloads = [*map(part, [told | {"roles": ["platform_admin"]}, told | {"exp": 1e300}, [], DEEP]), claims]
    made = (".".join(parts) for parts in product(heads, payloads, ["", "AAAA", signature]))
    return [token for token in made if token != good]


def refused(response: object, door: str) -> list[str]:
    status = response.status_code
    return [] if 400 <= status < 500 else [f"{door}: {status}"]


def test_no_made_up_token_opens_a_door(settings):
    settings.HUB_FAILED_SIGN_INS_PER_ADDRESS = settings.HUB_CUSTOMER_PAGES_A_MINUTE = 0
    client = Client(raise_request_exception=False)
    vendor = issue(PublisherFactory().client, audience=MARKETPLACE, version=Version.V1, at=now()).access_token
    before, wrong = Event.objects.count(), list[str]()
    for text in MADE_UP:
        header, spelled = text.encode().decode("latin-1"), quote(text, safe="")
        wrong += refused(client.get("/v1/customers", headers={"Authorization": f"Bearer {header}"}), f"API {text}")
        wrong += refused(
            client.post(
                f"/api/saas/subscriptions/resolve?{VERSION}",
                headers={"Authorization": f"Bearer {vendor}", "x-ms-marketplace-token": header},
            ),
            f"resolve {text}",
        )
        for address in (
            "/c/{}",
            "/accounts/invitation/{}/",
            "/accounts/password/new/{}/x/",
            "/accounts/password/new/MQ/{}/",
        ):
            wrong += refused(client.get(address.format(spelled)), f"{address} {text}")
        # Asking for another page (/again) says the same to everybody.
        for address in ("/c/{}/go", "/c/{}/answers", "/accounts/invitation/{}/"):
            wrong += refused(client.post(address.format(spelled)), f"{address} {text}")
        basic = {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}
        wrong += refused(client.post("/common/oauth2/token", {"grant_type": "client_credentials"}, headers=basic), text)

    assert "\n".join(wrong) == ""
    assert Event.objects.count() == before


@pytest.mark.parametrize("door", ["programs", "publishers"])
def test_no_forged_token_opens_a_door(door):
    program = ClientFactory(role=Role.ADMIN_AGENT) if door == "programs" else PublisherFactory().client
    audience = PARTNER_CENTER if door == "programs" else MARKETPLACE
    address = "/v1/customers" if door == "programs" else f"/api/saas/subscriptions?{VERSION}"
    good = issue(program, audience=audience, version=Version.V1, at=now()).access_token
    client = Client(raise_request_exception=False)

    answers = [client.get(address, headers={"Authorization": f"Bearer {token}"}) for token in forged(good)]

    assert {answer.status_code for answer in answers} == {401 if door == "programs" else 403}
    assert client.get(address, headers={"Authorization": f"Bearer {good}"}).status_code == 200
