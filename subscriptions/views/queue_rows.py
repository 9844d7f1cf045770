"""Rows of the queue: everything is worked out here, so that templates neither query nor compute."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.policy import Actor
from partnerhub.money import Money
from partnerhub.web.templatetags.hub import absolute, quoted
from subscriptions import words
from subscriptions.attending import CustomerSaid, at_risk, attention_visible_to, by_subscription, said_by_customers
from subscriptions.enums import DivergenceKind, Owner, Status
from subscriptions.models import AttentionItem, Subscription, Triage
from subscriptions.selectors import rows_visible_to, told
from subscriptions.views.queue_actions import Known, Step, known_of, step_of
from subscriptions.views.rows import reason_words

OfEach = Mapping[UUID, list[AttentionItem]]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One subscription, or one thing of a publisher: its most urgent item; in `chips` what its customer
    said on its page, and its other reasons.

    `key` names the row in addresses. `at_risk` is what one billing cycle costs; None where it is about no money.
    """

    key: str
    url: str
    title: str
    nickname: str
    customer: str
    customer_url: str
    publisher: str
    name: str
    tone: str
    cause: str
    reason: str
    chips: tuple[str, ...]
    owner: str
    since: datetime
    due: datetime | None
    at_risk: Money | None
    assignee: str
    is_mine: bool
    put_aside: str
    step: Step
    triage_url: str
    dialog_url: str


def queue_rows(
    actor: Actor, items: Sequence[AttentionItem], at: datetime, of_each: OfEach | None = None
) -> list[QueueRow]:
    """The rows of these items, each of another subscription or publisher; a fixed number of queries for them all.
    `of_each` is what is open of each subscription, where it is read already.
    """
    about = [item.subscription_id for item in items if item.subscription_id]
    found = rows_visible_to(actor).select_related("poll_schedule").filter(pk__in=about) if about else ()
    subscriptions: dict[UUID | None, Subscription] = {one.pk: one for one in told(list(found))}
    if of_each is None:
        of_each = by_subscription(attention_visible_to(actor, at).filter(subscription__in=about) if about else ())
    taken = Triage.objects.filter(item__in=[item.pk for item in items]).select_related("assignee")
    triages, known = {triage.item: triage for triage in taken}, known_of(actor, subscriptions.values())
    said = said_by_customers([one.pk for one in subscriptions.values() if one.status == Status.PENDING])
    return [
        _row(
            item,
            subscriptions.get(item.subscription_id),
            of_each.get(item.subscription_id, []) if item.subscription_id else [],
            _said(said.get(item.subscription_id) if item.subscription_id else None),
            triages.get(item.pk),
            known,
            at,
        )
        for item in items
        if item.subscription_id is None or item.subscription_id in subscriptions
    ]


def key_of(item: AttentionItem) -> str:
    """What a row is called in addresses: the subscription, or the item itself where it is about a publisher."""
    return str(item.subscription_id or item.pk)


def facts_of(items: Iterable[AttentionItem]) -> list[tuple[object, ...]]:
    """What tells rows apart from those shown before, besides the events of their subjects."""
    return [
        (item.pk, item.opened_at, item.deadline, item.weight, item.remedy, item.owner, item.message, item.action_url)
        for item in items
    ]


def subjects_of(items: Iterable[AttentionItem]) -> set[UUID | None]:
    """Whose events change how rows look: their subscriptions, customers and publishers."""
    return {one for item in items for one in (item.subscription_id, item.customer_id, item.publisher_id)}


def item_words(item: AttentionItem, subscription: Subscription | None) -> str:
    """Why somebody must act, as a sentence."""
    if item.cause in words.CAUSE:
        said = _detail(item)
        return f"{_word(words.CAUSE, item.cause)} {said}".strip()
    gates = subscription.gates.all() if subscription else ()
    gate = next((gate for gate in gates if gate.gate == item.subject_id), None)
    told = reason_words(gate, subscription) if gate and subscription and gate.reason else ""
    return told or _word(words.REASON, item.cause)


def _detail(item: AttentionItem) -> str:
    """What is known besides: the words of who asks, of the publisher or of its system."""
    if not item.message:
        return ""
    if item.message in list(DivergenceKind):
        return f"{words.DIVERGENCE[DivergenceKind(item.message)]}."
    return quoted(item.message)


def _word(table: Mapping[Any, Any], code: str) -> str:
    return next((str(word) for key, word in table.items() if key == code), code)


def _row(
    item: AttentionItem,
    subscription: Subscription | None,
    all_items: list[AttentionItem],
    said: list[str],
    triage: Triage | None,
    known: Known,
    at: datetime,
) -> QueueRow:
    key = key_of(item)
    publisher = subscription.publisher.name if subscription else item.publisher.name
    title = subscription.offer.title if subscription else publisher
    nickname = subscription.nickname if subscription and subscription.nickname != title else ""
    assignee = triage.assignee if triage else None
    return QueueRow(
        key=key,
        url=_url(item),
        title=title,
        nickname=nickname,
        customer=subscription.customer.name if subscription else "",
        customer_url=reverse("customers:marketplace", args=[item.customer_id]) if item.customer_id else "",
        publisher=publisher if subscription else "",
        name=nickname or title,
        tone="wait" if item.owner == Owner.PUBLISHER else "attention",
        cause=_word(words.CAUSE_NAME, item.cause),
        reason=item_words(item, subscription),
        chips=(*said, *dict.fromkeys(_word(words.CAUSE_NAME, one.cause) for one in all_items if one.pk != item.pk)),
        owner=_word(words.OWNER, item.owner),
        since=item.opened_at,
        due=item.deadline,
        at_risk=at_risk(item) if item.currency else None,
        assignee=assignee.name if assignee else "",
        is_mine=assignee is not None and str(assignee.pk) == known.actor.id,
        put_aside=_aside(item, triage, at),
        step=step_of(item, known),
        triage_url=reverse("attention:act", args=[key]),
        dialog_url=reverse("attention:row", args=[key]),
    )


def _said(said: CustomerSaid | None) -> list[str]:
    """What the customer has said on its page, in short."""
    if said is None:
        return []
    answered = _("The customer has answered") if said.is_complete else _("The customer has answered in part")
    asks = [_("The customer asks for another page")] if said.asked_again_at else []
    return [answered, *asks] if said.answered_at else asks


def _url(item: AttentionItem) -> str:
    if item.subscription_id is None:
        return reverse("publisher-health", args=[item.publisher_id])
    return reverse("subscriptions:detail", args=[item.subscription_id])


def _aside(item: AttentionItem, triage: Triage | None, at: datetime) -> str:
    if triage is None or not triage.snoozed or triage.since != item.since:
        return ""
    if triage.snoozed_until is None:
        return _("Put aside until it changes")
    if triage.snoozed_until <= at:
        return ""
    return _("Put aside until {moment}").format(moment=absolute(triage.snoozed_until))
