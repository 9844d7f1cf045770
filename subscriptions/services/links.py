"""The personalised link to the publisher: minted fresh at each use, kept only as a hash, resolvable for a day."""

import re
from datetime import datetime
from urllib.parse import unquote, urlencode, urlsplit
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import TokenExpired, TokenForeign, TokenMalformed
from partnerhub.outbox.recorder import record
from partnerhub.secret_tokens import hash_of, new_token
from publishers.selectors import policy_duration
from subscriptions.enums import GateName, GateState, Owner, Reason
from subscriptions.events import AttentionChanged, LinkMinted, LinkResolved
from subscriptions.models import Gate, PurchaseToken, Subscription
from subscriptions.services.asking import ask_soon
from subscriptions.services.locking import check_not_ended, lock_subscription, save_changed

_TOKEN = re.compile(r"^[A-Za-z0-9_-]{64}$")


@transaction.atomic
def mint_link(actor: Actor, subscription_id: UUID, *, at: datetime) -> str:
    """A fresh personalised link to the publisher's landing page: a secret, valid as long as `link_lives` says (24 h).

    Raises SubscriptionEnded, NotFound, NotPermitted.
    """
    authorize(actor, Action.PUBLISHER_LINK_OPEN)
    subscription = lock_subscription(subscription_id, actor)
    check_not_ended(subscription)
    token = new_token()
    expires_at = at + policy_duration("link_lives", subscription.plan, at, subscription.plan_term.term)
    PurchaseToken.objects.create(
        token_hash=hash_of(token), subscription=subscription, minted_at=at, minted_by=actor.label, expires_at=expires_at
    )
    record(LinkMinted(subscription.pk, {"expires_at": expires_at.isoformat()}), actor=actor, at=at)
    landing = subscription.publisher.landing_url
    separator = "&" if urlsplit(landing).query else "?"
    return f"{landing}{separator}{urlencode({'token': token})}"


@transaction.atomic
def resolve_token(actor: Actor, token: str, *, at: datetime) -> Subscription:
    """The subscription that a publisher's customer came for; works in every state, as often as asked, for 24 h.

    Raises TokenMalformed (also for a token that nobody minted), TokenForeign, TokenExpired.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    found = _find(token)
    subscription = lock_subscription(found.subscription_id, actor)
    if str(subscription.publisher.client_id) != actor.id:
        raise TokenForeign
    if at >= found.expires_at:
        raise TokenExpired(expired_at=f"{found.expires_at:%Y-%m-%d %H:%M} UTC")
    if found.resolved_at is None:
        _first_resolved(actor, subscription, found, at)
    ask_soon(subscription, at)
    return subscription


def _find(token: str) -> PurchaseToken:
    candidates = {token, unquote(token), unquote(unquote(token)), token.strip().replace(" ", "+")}
    hashes = [hash_of(candidate) for candidate in candidates if _TOKEN.match(candidate)]
    found = PurchaseToken.objects.filter(token_hash__in=hashes).first()
    if found is None:
        raise TokenMalformed
    return found


def _first_resolved(actor: Actor, subscription: Subscription, found: PurchaseToken, at: datetime) -> None:
    found.resolved_at = at
    found.save(update_fields=["resolved_at"])
    record(LinkResolved(subscription.pk, {"minted_at": found.minted_at.isoformat()}), actor=actor, at=at)
    waiting = _awaiting_customer(subscription)
    if waiting.update(owner=Owner.PUBLISHER, reason=Reason.AWAITING_CONFIRMATION, since=at):
        save_changed(subscription)
        data = {"after": {"reason": Reason.AWAITING_CONFIRMATION, "owner": Owner.PUBLISHER}}
        record(AttentionChanged(subscription.pk, data), actor=actor, at=at)


def _awaiting_customer(subscription: Subscription) -> QuerySet[Gate]:
    """The gates that waited for somebody to open the link: now the publisher knows of the purchase."""
    return Gate.objects.filter(
        subscription=subscription,
        gate__in=[GateName.LICENSES_ASSIGNED, GateName.CONFIGURATION_CONFIRMED],
        state=GateState.PENDING,
        reason=Reason.AWAITING_CUSTOMER_SETUP,
    )
