"""A life through the doors, and no secret that it used in anything that was written down about it."""

import json
import logging
import re
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from django.test import Client
from django.urls import include, path

from accounts.models import Client as Program
from accounts.policy import Role
from accounts.services.clients import add_secret
from accounts.tokens import MARKETPLACE
from partnerhub.clock import now
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import opened
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event, Refusal
from publishers.models import Adapter
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import buy

pytestmark = pytest.mark.django_db
LETTER = {"language": "en", "recipient": "max@customer.example", "subject": "Set up {offer}", "body": "Hello {contact}"}


@pytest.fixture
def log() -> Iterator[StringIO]:
    """All that is logged, as it is written in production."""
    written, root = StringIO(), logging.getLogger()
    handler = logging.StreamHandler(written)
    formats = (one.formatter for one in root.handlers)
    handler.setFormatter(next(one for one in formats if isinstance(one, structlog.stdlib.ProcessorFormatter)))
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


class Life:
    """Who uses which secret; `used` are all of them."""

    def __init__(self) -> None:
        self.used: list[str] = []
        self.browser = Client(raise_request_exception=False)
        self.http = Client(raise_request_exception=False)

    def uses(self, secret: str) -> str:
        assert len(secret) >= 16, secret
        self.used.append(secret)
        return secret

    def sign_in(self) -> None:
        user = UserFactory(active_role=Role.PLATFORM_ADMIN, roles=[Role.PLATFORM_ADMIN, Role.SALES_AGENT])
        for password in (self.uses("not-the-password-of-anybody"), self.uses(PASSWORD)):
            self.browser.post("/accounts/sign-in/", {"username": user.email, "password": password})
        assert self.browser.get("/clients/").status_code == 200

    def program(self) -> None:
        """A program that is made, gets a token, and calls; a wrong secret and a forged token besides."""
        made = self.browser.post("/clients/new/", {"name": "ERP", "role": "sales_agent", "scope": "all"})
        secret = self.uses(re.search(r'data-copy="([\w-]{43})"', made.content.decode())[1])
        token = self.token(Program.objects.get(name="ERP"), secret)
        assert self.http.get("/v1/customers", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        forged = self.uses(f"{token[:-20]}{'A' * 20}")
        assert self.http.get("/v1/customers", headers={"Authorization": f"Bearer {forged}"}).status_code == 401
        assert self.http.get(f"/v1/customers?access_token={token}").status_code == 401
        wrong = self.uses("a-secret-that-is-wrong-by-far")
        assert self.ask(Program.objects.get(name="ERP"), wrong).status_code == 401

    def ask(self, program: Program, secret: str, resource: str = ""):
        form = {"grant_type": "client_credentials", "client_id": str(program.pk), "client_secret": secret}
        return self.http.post(f"/{program.tenant_id}/oauth2/token", form | ({"resource": resource} if resource else {}))

    def token(self, program: Program, secret: str, resource: str = "") -> str:
        return self.uses(self.ask(program, secret, resource).json()["access_token"])

    def personal_token(self) -> None:
        given = {"name": "Script", "role": "sales_agent", "days": "30"}
        made = self.browser.post("/accounts/tokens/", given)
        found = re.search(r'data-copy="(hub_[\w-]{43})"', made.content.decode())
        assert found, re.findall(r'name="(\w+)"', made.content.decode())
        bearer = {"Authorization": f"Bearer {self.uses(found[1])}"}
        assert self.http.get("/v1/customers", headers=bearer).status_code == 200

    def purchase(self) -> None:
        """A link that the publisher resolves, once rightly and once forged; a page that is sent to the customer."""
        term = PlanTermFactory(plan__offer__publisher__adapter=Adapter.PUSH)
        publisher, pending = term.plan.offer.publisher, buy(term=term, at=now())
        self.browser.post("/accounts/switch-role/", {"role": "sales_agent"})
        link = self.browser.get(f"/go/{pending.pk}")["Location"]
        found = re.search(r"token=([^&]+)", link)
        secret = self.uses(add_secret(publisher.client, now()))
        bearer = {"Authorization": f"Bearer {self.token(publisher.client, secret, MARKETPLACE)}"}
        for token in (found[1], self.uses(f"{found[1][:-8]}AAAAAAAA")):
            self.http.post(
                "/api/saas/subscriptions/resolve?api-version=2018-08-31",
                headers=bearer | {"x-ms-marketplace-token": self.uses(token)},
            )
        sent = self.browser.post(f"/subscriptions/{pending.pk}/send/", LETTER | {"page": str(pending.pk)})
        assert sent.status_code == 302, sent.content.decode()
        page = self.link("max@customer.example", r"/c/([\w-]+)")
        self.http.get(f"/c/{page}")
        self.http.post(f"/c/{page}/go")
        self.http.get(f"/c/{page}x", {"token": page})

    def people(self) -> None:
        """An invitation that is opened, and a password that was forgotten."""
        self.browser.post("/accounts/switch-role/", {"role": "platform_admin"})
        invited = {"email": "ewa@hub.example", "name": "Ewa", "language": "en", "scope": "all", "sales_agent": "on"}
        assert self.browser.post("/agents/invite/", invited).status_code == 302
        invitation = self.link("ewa@hub.example", r"/invitation/([\w-]+)/")
        chosen = self.uses("a password that Ewa chose")
        self.http.get(f"/accounts/invitation/{invitation}/")
        done = self.http.post(f"/accounts/invitation/{invitation}/", {"password": chosen, "again": chosen})
        assert done.status_code == 302
        self.http.get(f"/accounts/invitation/{invitation}/")
        forgetful = Client(raise_request_exception=False)
        forgetful.post("/accounts/password/forgotten/", {"email": "ewa@hub.example"})
        deliver_due(now())
        reset = self.link("ewa@hub.example", r"/password/new/[\w-]+/([\w-]+)/")
        [user] = re.findall(r"/password/new/([\w-]+)/", self.letters("ewa@hub.example"))[-1:]
        assert forgetful.get(f"/accounts/password/new/{user}/{reset}/").status_code == 302

    def letters(self, recipient: str) -> str:
        found = Message.objects.filter(recipient=recipient).exclude(body=b"").order_by("created_at")
        return "".join(opened(bytes(one.body))[0] for one in found)

    def link(self, recipient: str, pattern: str) -> str:
        return self.uses(re.findall(pattern, self.letters(recipient))[-1])

    def failure(self) -> None:
        """A mistake of the hub's own while a request carries secrets."""
        self.http.get("/boom/", {"token": self.used[2]}, headers={"Authorization": f"Bearer {self.used[2]}"})


def boom(request):
    raise RuntimeError(f"could not call https://x.example/land?token={request.GET['token']}")


def test_no_secret_that_a_life_used_is_in_its_logs_and_its_audit(log, settings):
    settings.ROOT_URLCONF = (path("boom/", boom), path("", include("partnerhub.urls")))
    life = Life()

    life.sign_in()
    life.program()
    life.personal_token()
    life.purchase()
    life.people()
    life.failure()

    written = log.getvalue()
    kept = [*Event.objects.values_list("data", "reason"), *Refusal.objects.values_list("asked", "values", "path")]
    audit = json.dumps(kept, default=str)
    assert written.count('"event": "request"') > 15
    assert [secret for secret in life.used if secret in written] == []
    assert [secret for secret in life.used if secret in audit] == []
