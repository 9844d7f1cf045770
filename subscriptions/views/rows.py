"""Subscriptions as the pages show them: everything is worked out here, so that templates neither query nor compute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.policy import Action, Actor
from partnerhub.money import Money
from partnerhub.web.reversing import address_of
from partnerhub.web.templatetags.hub import money_text_in
from partnerhub.web.wording import Voice, voice
from publishers.models import PlanTerm, Pricing
from publishers.pricing import Priced, cycle_amount, cycle_total
from subscriptions import words
from subscriptions.enums import EndReason, GateName, Owner, Status
from subscriptions.models import Gate, Subscription
from subscriptions.selectors import Attention, attention_of
from subscriptions.terms import trial_end


@dataclass(frozen=True, slots=True)
class Badge:
    """A status as the component shows it: tone, word, and why."""

    tone: str
    word: str
    reason: str = ""
    icon: str = ""


@dataclass(slots=True)
class Row:
    """One subscription in a list; `cells` and `html` are those of the columns that were chosen."""

    id: str
    url: str
    peek_url: str
    select_words: str
    peek_words: str
    offer: str
    nickname: str
    customer: str
    customer_url: str
    publisher: str
    plan: str
    quantity: str
    purchased_at: datetime
    badge: Badge
    owner: str
    since: datetime | None
    due: datetime | None
    go_url: str
    go_name: str
    billing: str
    billing_note: str
    billed_from: date | None
    end_label: str
    ends: date | None
    renewal: str
    cells: tuple[str, ...] = ()
    html: str = ""


def row_of(subscription: Subscription, actor: Actor, say: Voice, own_prices: Sequence[tuple[int, Money]] = ()) -> Row:
    """The list row of a subscription that was `told`: it needs no further query. `own_prices` are those of licences
    that were added.
    """
    _ = say
    attention = attention_of(subscription)
    nickname = subscription.nickname if subscription.nickname != subscription.offer.title else ""
    billing, note, billed_from = _billing(subscription, own_prices, say)
    label, ends, renewal = _renewal(subscription, say)
    url = address_of("subscriptions:detail", subscription.pk)
    return Row(
        id=str(subscription.pk),
        url=url,
        peek_url=f"{url}peek/",
        select_words=_("Select %(name)s") % {"name": subscription.nickname},
        peek_words=_("Look at %(name)s") % {"name": subscription.nickname},
        offer=subscription.offer.title,
        nickname=nickname,
        customer=subscription.customer.name,
        customer_url=address_of("customers:marketplace", subscription.customer_id),
        publisher=subscription.publisher.name,
        plan=subscription.plan.title,
        quantity=quantity_words(subscription, say),
        purchased_at=subscription.purchased_at,
        badge=badge_of(subscription, attention, say),
        owner=say.of(words.OWNER, attention.owner) if attention else "",
        since=attention.since if attention else None,
        due=attention.due_at if attention else None,
        go_url=go_url_of(subscription, actor),
        go_name=subscription.nickname,
        billing=billing,
        billing_note=note,
        billed_from=billed_from,
        end_label=label,
        ends=ends,
        renewal=renewal,
    )


def badge_of(subscription: Subscription, attention: Attention | None, say: Voice | None = None) -> Badge:
    """Status with its reason: while pending what is missing, once ended why."""
    say, status = say or voice(), subscription.status
    if attention is not None:
        tone = "wait" if attention.owner == Owner.PUBLISHER else "attention"
        return Badge(tone, say.of(words.STATUS, status), reason_words(attention.gate, subscription, say))
    if status == Status.UNSUBSCRIBED:
        return _ended(subscription, say)
    return Badge("ok" if status == Status.SUBSCRIBED else "attention", say.of(words.STATUS, status))


def _ended(subscription: Subscription, _: Voice) -> Badge:
    reason = EndReason(subscription.end_reason)
    if reason == EndReason.VOIDED:
        return Badge("off", _.of(words.END, reason), _("Not activated in time. Never billed."))
    never = "" if subscription.activated_at else _("Before activation. Never billed.")
    return Badge("off", _.of(words.END, reason), never)


def reason_words(gate: Gate, subscription: Subscription, say: Voice | None = None) -> str:
    """Why a gate is not satisfied: the publisher's own words where it gave some, ours otherwise."""
    if gate.message:
        return _("The publisher says: {message}").format(message=gate.message)
    assigned = assigned_of(gate)
    if gate.reason == "partial_assignment" and assigned is not None:
        return _("{assigned} of {quantity} licences are assigned.").format(
            assigned=assigned, quantity=subscription.quantity
        )
    return (say or voice()).of(words.REASON, gate.reason) if gate.reason in words.REASON else ""


def assigned_of(gate: Gate) -> int | None:
    """How many licences the publisher said are assigned; None when it never said."""
    said = (gate.evidence or {}).get("said") or {}
    assigned = said.get("assigned_quantity")
    return assigned if isinstance(assigned, int) else None


def quantity_words(subscription: Subscription, say: Voice | None = None) -> str:
    """The licences bought, with those assigned so far while they differ; a flat rate counts none."""
    if subscription.plan.pricing == Pricing.FLAT_RATE:
        _ = say or voice()
        return _("Flat rate")
    if subscription.status == Status.PENDING:
        gate = next((gate for gate in subscription.gates.all() if gate.gate == GateName.LICENSES_ASSIGNED), None)
        assigned = assigned_of(gate) if gate else None
        if assigned is not None and assigned != subscription.quantity:
            return f"{assigned} / {subscription.quantity}"
    return str(subscription.quantity)


def licences(quantity: int) -> str:
    return ngettext("%(n)d licence", "%(n)d licences", quantity) % {"n": quantity}


def term_words(plan_term: PlanTerm) -> str:
    """Term and billing in words: `1 year, billed monthly`."""
    return f"{words.TERM[plan_term.term]}, {words.CYCLE[plan_term.billing_cycle]}"


def amount_words(
    subscription: Subscription, own_prices: Sequence[tuple[int, Money]] = (), say: Voice | None = None
) -> str:
    """What one billing cycle costs: `€70.56 per month`; `own_prices` are those of licences that were added."""
    say, plan = say or voice(), subscription.plan
    total = cycle_price(plan, subscription.unit_price, subscription.quantity, subscription.currency, own_prices)
    told = money_text_in(say.language, total.amount, total.currency)
    return f"{told} {say.of(words.PER_CYCLE, subscription.plan_term.billing_cycle)}"


def cycle_price(
    plan: Priced, unit_price: Decimal, quantity: int, currency: str, own_prices: Sequence[tuple[int, Money]]
) -> Money:
    """One whole billing cycle of all licences, each at its price."""
    added = sum([count for count, _price in own_prices])
    total = cycle_total(plan, unit_price, quantity - added, currency)
    for count, price in own_prices:
        total += cycle_amount(price.amount, count, price.currency)
    return total


def _billing(
    subscription: Subscription, own_prices: Sequence[tuple[int, Money]], _: Voice
) -> tuple[str, str, date | None]:
    if subscription.status == Status.PENDING:
        return _("Starts after publisher confirms"), amount_words(subscription, say=_), None
    if subscription.term_start is None:
        return _("Never billed"), "", None
    return amount_words(subscription, own_prices, _), _("billed from"), billed_from(subscription)


def billed_from(subscription: Subscription) -> date | None:
    """The first paid day of the term: its start, or the day after a trial. None before activation."""
    start = subscription.term_start
    trial_ends = trial_end(subscription.trial_days, subscription.activated_at)
    return max(start, trial_ends) if start and trial_ends else start


def last_day(subscription: Subscription) -> date | None:
    """The last day of the term, inclusive, as people read it; inside the hub the end is exclusive."""
    return subscription.term_end - timedelta(days=1) if subscription.term_end else None


def _renewal(subscription: Subscription, _: Voice) -> tuple[str, date | None, str]:
    if subscription.status == Status.UNSUBSCRIBED:
        return _("Ended"), subscription.ended_at.date() if subscription.ended_at else None, ""
    renews = _("Auto-renew on") if subscription.auto_renew else _("Auto-renew off")
    if subscription.runs_until is None:
        return _.of(words.TERM, subscription.plan_term.term), None, renews
    if subscription.auto_renew:
        return _("Renews on"), subscription.term_end, renews
    return _("Ends on"), subscription.runs_until - timedelta(days=1), renews


def go_url_of(subscription: Subscription, actor: Actor) -> str:
    """The address that mints a fresh publisher link; empty where there is nothing to open or no right to."""
    if subscription.status == Status.UNSUBSCRIBED or not actor.may(Action.PUBLISHER_LINK_OPEN):
        return ""
    return address_of("go", subscription.pk)
