"""Trying out a publisher's connection, step by step: what was sent, what came back, and what to do about it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from accounts.policy import Action, Actor, authorize
from accounts.tokens import publisher_call_token
from partnerhub.addresses import check_url
from partnerhub.errors import AddressNotAllowed, NotFound
from partnerhub.outbox.recorder import record
from publishers.events import PublisherTested
from publishers.fulfillment.calling import refuse_in_transaction
from publishers.fulfillment.probing import Heard, Prober
from publishers.fulfillment.saas_v2 import API_VERSION
from publishers.models import Plan, Publisher

CERTIFICATE_WARNING = timedelta(days=14)
SIGNED_IN_LATELY = timedelta(days=7)


class Verdict(StrEnum):
    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"


class StepName(StrEnum):
    """What is tried, in the order in which it is told."""

    ADDRESSES = "addresses"
    CERTIFICATE = "certificate"
    LANDING = "landing"
    STATUS = "status"
    WEBHOOK = "webhook"
    FORGERY = "forgery"
    SIGN_IN = "sign_in"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried. `finding` is a code of `publishers.words`, told with `values`; never a secret."""

    name: StepName
    verdict: Verdict
    finding: str
    sent: str = ""
    heard: Heard | None = None
    values: Mapping[str, Any] | None = None


def try_out(actor: Actor, publisher_id: UUID, *, at: datetime) -> list[Step]:
    """Try everything a publisher is reached by, and put the result on record. Its subscriptions stay as they are: what
    it is asked about and told of does not exist.

    Takes as long as the slowest answer, 20 seconds at most; so call it outside a transaction (RuntimeError).
    Raises NotFound, NotPermitted.
    """
    authorize(actor, Action.PUBLISHER_MANAGE)
    refuse_in_transaction()
    publisher = Publisher.objects.select_related("client").filter(pk=publisher_id).first()
    if publisher is None:
        raise NotFound(what="publisher", id=publisher_id)
    token, notice = publisher_call_token(publisher.client, at=at), trial_notice(publisher, at)
    asked = asyncio.run(_calls(publisher, token, notice, at))
    steps = sorted([*_address_steps(publisher), *asked, _sign_in(publisher, at)], key=_place)
    _record(actor, publisher, steps, at)
    return steps


def _place(step: Step) -> int:
    return list(StepName).index(step.name)


@transaction.atomic
def _record(actor: Actor, publisher: Publisher, steps: list[Step], at: datetime) -> None:
    Publisher.objects.select_for_update().get(pk=publisher.pk)
    said = [step.verdict for step in steps]
    data = {
        "passed": said.count(Verdict.PASSED),
        "warned": said.count(Verdict.WARNING),
        "failed": said.count(Verdict.FAILED),
        "steps": [[step.name, step.verdict, step.finding] for step in steps],
    }
    record(PublisherTested(publisher.pk, data), actor=actor, at=at)


def _addresses(publisher: Publisher) -> list[str]:
    asked = publisher.fulfillment_base_url if publisher.is_polled else ""
    return [url for url in (publisher.landing_url, asked, publisher.webhook_url) if url]


def _address_steps(publisher: Publisher) -> list[Step]:
    return [_address_step(url) for url in dict.fromkeys(_addresses(publisher))]


def _address_step(url: str) -> Step:
    allow_private = settings.HUB_ALLOW_PRIVATE_PUBLISHERS
    try:
        check_url(url, allow_private)
    except AddressNotAllowed as refusal:
        return Step(StepName.ADDRESSES, Verdict.FAILED, "address_refused", url, values=refusal.values)
    if not url.startswith("https://") and not allow_private:
        return Step(StepName.ADDRESSES, Verdict.WARNING, "not_encrypted", url)
    return Step(StepName.ADDRESSES, Verdict.PASSED, "address_good", url)


async def _calls(publisher: Publisher, token: str, notice: dict[str, Any], at: datetime) -> list[Step]:
    prober = Prober(allow_private=settings.HUB_ALLOW_PRIVATE_PUBLISHERS)
    hosts = {urlsplit(url).netloc: url for url in _addresses(publisher) if url.startswith("https://")}
    wanted = [_landing(prober, publisher), *(_certificate(prober, url, at) for url in hosts.values())]
    if publisher.is_polled:
        wanted.append(_status(prober, publisher, token))
    if publisher.webhook_url:
        wanted.append(_webhook(prober, publisher, token, notice))
    try:
        return [step for steps in await asyncio.gather(*wanted) for step in steps]
    finally:
        await prober.close()


async def _certificate(prober: Prober, url: str, at: datetime) -> list[Step]:
    ends = await prober.certificate_ends(url)
    sent = f"TLS {urlsplit(url).netloc}"
    if isinstance(ends, str):
        return [Step(StepName.CERTIFICATE, Verdict.FAILED, ends, sent)]
    soon = ends - at < CERTIFICATE_WARNING
    verdict, finding = (Verdict.WARNING, "certificate_ends_soon") if soon else (Verdict.PASSED, "certificate_good")
    return [Step(StepName.CERTIFICATE, verdict, finding, sent, values={"days": max((ends - at).days, 0)})]


async def _landing(prober: Prober, publisher: Publisher) -> list[Step]:
    """Without a token: a page that asks for one, or sends to a sign-in, is as good as one that opens."""
    heard = await prober.call("GET", publisher.landing_url)
    verdict, finding = Verdict.PASSED, "landing_opens"
    match heard.status:
        case None:
            verdict, finding = Verdict.FAILED, heard.problem
        case status if 300 <= status < 400:
            finding = "landing_redirects"
        case 404 | 405 | 410:
            verdict, finding = Verdict.FAILED, "nothing_there"
        case status if status >= 500:
            verdict, finding = Verdict.FAILED, "fails"
        case status if status >= 400:
            finding = "landing_wants_token"
    return [Step(StepName.LANDING, verdict, finding, f"GET {publisher.landing_url}", heard)]


async def _status(prober: Prober, publisher: Publisher, token: str) -> list[Step]:
    """Ask about a subscription that does not exist: 404 is the right answer."""
    url = f"{publisher.fulfillment_base_url.rstrip('/')}/api/saas/subscriptions/{uuid4()}"
    heard = await prober.call("GET", url, token=token, query={"api-version": API_VERSION})
    verdict, finding = Verdict.FAILED, heard.problem
    match heard.status:
        case None:
            pass
        case 404 if heard.content_type == "text/html":
            verdict, finding = Verdict.WARNING, "status_is_a_page"
        case 404 | 410:
            verdict, finding = Verdict.PASSED, "status_good"
        case 401 | 403:
            finding = "token_refused"
        case status if status >= 500:
            finding = "fails"
        case status if 300 <= status < 400:
            finding = "redirects"
        case status if 200 <= status < 300:
            verdict, finding = Verdict.WARNING, "status_knows_too_much"
        case _:
            verdict, finding = Verdict.WARNING, "status_unusual"
    return [Step(StepName.STATUS, verdict, finding, f"GET {url}", heard, _identity(publisher))]


async def _webhook(prober: Prober, publisher: Publisher, token: str, notice: dict[str, Any]) -> list[Step]:
    """The same test event twice: signed by the hub, then signed by somebody else in its name."""
    sent = f"POST {publisher.webhook_url}"
    signed = await prober.call("POST", publisher.webhook_url, token=token, body=notice)
    forged = await prober.call("POST", publisher.webhook_url, token=_forged(token), body=notice)
    first = Step(StepName.WEBHOOK, *_judged_signed(signed), sent, signed, _identity(publisher))
    if signed.status is None:
        return [first]
    return [first, Step(StepName.FORGERY, *_judged_forged(signed, forged), sent, forged)]


def _judged_signed(heard: Heard) -> tuple[Verdict, str]:
    match heard.status:
        case None:
            return Verdict.FAILED, heard.problem
        case 401 | 403:
            return Verdict.FAILED, "token_refused"
        case status if 200 <= status < 300:
            return Verdict.PASSED, "webhook_accepts"
        case status if status >= 500:
            return Verdict.FAILED, "fails"
        case status if 300 <= status < 400:
            return Verdict.FAILED, "redirects"
    return Verdict.WARNING, "webhook_declines"


def _judged_forged(signed: Heard, forged: Heard) -> tuple[Verdict, str]:
    if forged.status in (401, 403) and forged.status != signed.status:
        return Verdict.PASSED, "forgery_refused"
    if forged.status is not None and 200 <= forged.status < 300:
        return Verdict.WARNING, "forgery_accepted"
    if forged.status is not None and 400 <= forged.status < 500 and forged.status != signed.status:
        return Verdict.PASSED, "forgery_refused"
    return Verdict.WARNING, "forgery_unclear"


def _forged(token: str) -> str:
    """The same claims under the same key's name, signed with a key that nobody has published."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": jwt.get_unverified_header(token)["kid"]})


def trial_notice(publisher: Publisher, at: datetime) -> dict[str, Any]:
    """A renewal of a subscription that does not exist: told, not asked, so nothing has to be done about it."""
    plan = Plan.objects.filter(offer__publisher=publisher).select_related("offer").order_by("pk").first()
    operation_id, subscription_id = str(uuid4()), str(uuid4())
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    sold = {
        "publisherId": str(publisher.pk),
        "offerId": plan.offer.offer_id if plan else "test",
        "planId": plan.plan_id if plan else "test",
        "quantity": 1,
    }
    return {
        "id": operation_id,
        "activityId": operation_id,
        "subscriptionId": subscription_id,
        **sold,
        "timeStamp": moment,
        "action": "Renew",
        "status": "Succeeded",
        "operationRequestSource": "Azure",
        "subscription": _nobodys(subscription_id, sold, at.astimezone(UTC), moment),
        "purchaseToken": None,
    }


def _nobodys(subscription_id: str, sold: dict[str, Any], at: datetime, created: str) -> dict[str, Any]:
    """The subscription that does not exist, in the shape of those that do."""
    nobody = {"objectId": str(uuid4()), "tenantId": str(uuid4()), "puid": uuid4().hex[:16]}
    last_day = at + timedelta(days=27)
    return {
        "id": subscription_id,
        **sold,
        "name": "Test event",
        "saasSubscriptionStatus": "Subscribed",
        "beneficiary": {"emailId": "nobody@example.com", **nobody},
        "purchaser": nobody,
        "term": {
            "termUnit": "P1M",
            "startDate": f"{at:%Y-%m-%d}T00:00:00Z",
            "endDate": f"{last_day:%Y-%m-%d}T00:00:00Z",
        },
        "autoRenew": True,
        "isTest": True,
        "isFreeTrial": False,
        "allowedCustomerOperations": ["Read"],
        "sandboxType": "None",
        "sessionMode": "None",
        "created": created,
        "lastModified": "0001-01-01T00:00:00",
    }


def _identity(publisher: Publisher) -> dict[str, Any]:
    tenant = publisher.client.tenant_id
    return {
        "app": publisher.client_id,
        "tenant": tenant,
        "keys": f"{settings.HUB_BASE_URL}/{tenant}/discovery/keys",
    }


def _sign_in(publisher: Publisher, at: datetime) -> Step:
    last = publisher.client.secrets.aggregate(last=Max("last_used_at"))["last"]
    if not publisher.client.secrets.filter(created_at__lte=at, expires_at__gt=at).exists():
        return Step(StepName.SIGN_IN, Verdict.FAILED, "no_valid_secret")
    if last is None:
        return Step(StepName.SIGN_IN, Verdict.WARNING, "never_signed_in")
    if at - last > SIGNED_IN_LATELY:
        return Step(StepName.SIGN_IN, Verdict.WARNING, "signed_in_long_ago", values={"at": last})
    return Step(StepName.SIGN_IN, Verdict.PASSED, "signed_in", values={"at": last})
