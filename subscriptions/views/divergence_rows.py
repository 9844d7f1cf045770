"""Divergences as the pages show them: what we hold, what the publisher shows, since when, and what proves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.policy import Action, Actor
from partnerhub.web.templatetags.hub import absolute
from subscriptions import words
from subscriptions.divergence_forms import LetBeForm
from subscriptions.enums import DivergenceKind, OperationAction
from subscriptions.marketplace import STATUSES
from subscriptions.models import Divergence, Subscription
from subscriptions.selectors import divergences_visible_to
from subscriptions.views.permission import Denial, denial_of
from subscriptions.views.rows import licences

_COUNTED = (DivergenceKind.QUANTITY_DIFFERS, DivergenceKind.ASSIGNED_DIFFERS, DivergenceKind.BILLED_DIFFERS)
_OF_STATUS = (DivergenceKind.STATUS_DIFFERS, DivergenceKind.SERVES_AFTER_END, DivergenceKind.UNKNOWN_THERE)


@dataclass(frozen=True, slots=True)
class DivergenceRow:
    """One divergence; `request_id` is what the publisher was sent with the question, for its own log."""

    id: UUID
    what: str
    ours: str
    theirs: str
    since: datetime
    seen: datetime
    evidence: str
    request_id: str
    subscription: str
    subscription_url: str
    customer: str
    customer_url: str
    publisher: str
    publisher_url: str


@dataclass(frozen=True, slots=True)
class Decidable:
    """A divergence on its subscription's page, with the form that lets it be."""

    row: DivergenceRow
    url: str
    form: LetBeForm


def divergence_row(found: Divergence) -> DivergenceRow:
    """One row of a list read by `divergences_visible_to`: it needs no further query."""
    subscription = found.subscription
    kind = DivergenceKind(found.kind)
    return DivergenceRow(
        id=found.pk,
        what=str(words.DIVERGENCE[kind]),
        ours=ours_words(kind, found.ours, found.evidence),
        theirs=theirs_words(kind, found.theirs),
        since=found.first_seen_at,
        seen=found.last_seen_at,
        evidence=_proof(found),
        request_id=str(found.evidence.get("request_id", "")),
        subscription=subscription.nickname,
        subscription_url=f"{reverse('subscriptions:detail', args=[subscription.pk])}#divergences",
        customer=subscription.customer.name,
        customer_url=reverse("customers:marketplace", args=[subscription.customer_id]),
        publisher=found.publisher.name,
        publisher_url=reverse("publisher-divergences", args=[found.publisher_id]),
    )


def decidable(
    actor: Actor, subscription: Subscription, refused: Mapping[UUID, LetBeForm] | None = None
) -> list[Decidable]:
    """What is open on one subscription, the oldest first; `refused` holds forms that carry a refusal."""
    rows = divergences_visible_to(actor).filter(subscription=subscription).order_by("first_seen_at", "id")
    return [
        Decidable(
            divergence_row(found),
            reverse("subscriptions:accept_divergence", args=[subscription.pk, found.pk]),
            (refused or {}).get(found.pk) or LetBeForm(auto_id=f"{found.pk}-%s"),
        )
        for found in rows
    ]


def let_be_denial(actor: Actor) -> Denial | None:
    """Why the actor may not let a divergence be; None when they may."""
    return denial_of(actor, Action.DIVERGENCE_ACCEPT)


def ours_words(kind: DivergenceKind, value: str, evidence: Mapping[str, Any]) -> str:
    """What we hold, in words; of a silent acceptance `evidence` says what is a number of licences and what a plan."""
    changes: Mapping[str, str] = evidence.get("changes", {})
    told = [_silent(action, new) for action, new in changes.items()] if changes else [_value(kind, value)]
    return ", ".join(told) or "–"


def _silent(action: str, new: str) -> str:
    return licences(int(new)) if action == OperationAction.CHANGE_QUANTITY else new


def theirs_words(kind: DivergenceKind, value: str) -> str:
    """What the publisher shows, or billing charges, in words."""
    shown = _value(kind, value)
    sentences = {
        DivergenceKind.ASSIGNED_DIFFERS: _("assigned: {value}").format(value=shown),
        DivergenceKind.BILLED_DIFFERS: _("billed: {value}").format(value=shown),
        DivergenceKind.UNKNOWN_THERE: _("It answers that there is none."),
        DivergenceKind.ACCEPTED_BY_SILENCE: _("It has not shown it yet."),
    }
    return sentences.get(kind, shown) or "–"


def _value(kind: DivergenceKind, value: str) -> str:
    if kind in _COUNTED and value.isdecimal():
        return licences(int(value))
    if kind in _OF_STATUS:
        return next((str(words.STATUS[ours]) for ours, theirs in STATUSES.items() if theirs == value), value)
    return value


def _proof(found: Divergence) -> str:
    """Which question, operation or reckoning shows it, and when."""
    evidence = found.evidence
    reference = str(evidence.get("id", ""))[:8]
    at = absolute(datetime.fromisoformat(evidence["at"])) if evidence.get("at") else ""
    if evidence.get("source") == "operation":
        return _("Operation {reference}, {at}").format(reference=reference, at=at)
    if evidence.get("source") == "billing":
        return _("The ledger, {at}").format(at=at)
    return _("Question {reference}, {at}").format(reference=reference, at=at)
