"""Another plan of the same offer, or another billing frequency of the same plan (rules 66-69)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import BillingFrequencyFixed, NoPriceInCurrency, NotFound, TermFixed, TrialTermFixed
from partnerhub.outbox.recorder import record
from publishers.models import PlanTerm, Price
from publishers.selectors import PolicyBook, plan_terms_of, policies_of, price_at, scope_of
from subscriptions.enums import OperationAction
from subscriptions.events import BillingFrequencyChanged
from subscriptions.models import Subscription
from subscriptions.quantities import check_quantity
from subscriptions.services.checks import check_active, check_changeable
from subscriptions.services.locking import check_version, lock_subscription, save_changed
from subscriptions.services.starting import Values, Wanted, begin_asking
from subscriptions.terms import in_trial

FREQUENCY = "billing_frequency_change"


@dataclass(frozen=True, slots=True)
class Offered:
    """A way to buy a plan of the offer, and what it costs today in the subscription's currency."""

    plan_term: PlanTerm
    price: Price


@transaction.atomic
def change_plan(
    actor: Actor, subscription_id: UUID, *, plan_term_id: UUID, reason: str = "", version: int | None, at: datetime
) -> Subscription:
    """Ask the publisher for another plan of the offer; the term stays, its cost is prorated (rule 67).

    The same plan with another billing frequency is our own affair: it changes at once where `billing_frequency_change`
    says `now`. Raises NotPermitted, NotFound, StaleVersion, SubscriptionEnded, NotActivatedYet, SuspendedForbids,
    RenewalUnderWay, OperationPending, NoPriceInCurrency, QuantityOutOfRange, TermFixed, TrialTermFixed (rule 68),
    BillingFrequencyFixed (rule 69), and what is wrong with the reseller (rule 86).
    """
    authorize(actor, Action.SUBSCRIPTION_CHANGE)
    subscription = lock_subscription(subscription_id, actor)
    check_version(subscription, version)
    same_plan = plan_terms_of(subscription.offer_id).filter(pk=plan_term_id, plan=subscription.plan_id).first()
    field = "plan" if same_plan is None else "billing frequency"
    check_active(subscription, field, at)
    if same_plan is not None:
        check_fits_term(subscription, same_plan, at)  # before what only passes: waiting would not help
    check_changeable(subscription, field, at)
    if plan_term_id == subscription.plan_term_id:
        return subscription
    offered = offered_term(subscription, plan_term_id, at)
    check_fits_term(subscription, offered.plan_term, at)
    check_quantity(offered.plan_term.plan, subscription.quantity)
    if offered.plan_term.plan_id == subscription.plan_id:
        _change_frequency(actor, subscription, offered, reason, at)
        return subscription
    wanted = Wanted(OperationAction.CHANGE_PLAN, values_of(subscription), values_offered(offered), reason)
    begin_asking(actor, subscription, wanted, at=at)
    return subscription


def offered_term(subscription: Subscription, plan_term_id: UUID, at: datetime) -> Offered:
    """A plan term of the subscription's offer with its price today. Raises NotFound, NoPriceInCurrency."""
    term = plan_terms_of(subscription.offer_id).filter(pk=plan_term_id).first()
    if term is None:
        raise NotFound(what="plan", id=plan_term_id)
    price = price_at(term, subscription.currency, at)
    if price is None:
        raise NoPriceInCurrency(offer=term.plan.title, currency=subscription.currency)
    return Offered(term, price)


def check_fits_term(subscription: Subscription, wanted: PlanTerm, at: datetime, book: PolicyBook | None = None) -> None:
    """Raise TermFixed or TrialTermFixed for another length of term, BillingFrequencyFixed for another frequency that
    the plan's policy does not allow before renewal.
    """
    current = subscription.plan_term
    ends_on = f"{subscription.term_end:%Y-%m-%d}"
    if wanted.term != current.term:
        on_trial = in_trial(subscription.trial_days, subscription.activated_at, at)
        kind = TrialTermFixed if on_trial else TermFixed
        raise kind(current=current.term, ends_on=ends_on, plan=wanted.plan.title, asked=wanted.term)
    if wanted.billing_cycle != current.billing_cycle and not may_change_frequency_now(wanted, at, book):
        raise BillingFrequencyFixed(renews_on=ends_on)


def may_change_frequency_now(wanted: PlanTerm, at: datetime, book: PolicyBook | None = None) -> bool:
    """Whether the plan's policy lets the billing frequency change within the term (rule 69: not by default).

    Whoever asks for several plans reads FREQUENCY once, as a book.
    """
    known = book or policies_of(wanted.plan, FREQUENCY)
    return known.text(FREQUENCY, scope_of(wanted.plan, wanted.term), at) == "now"


def values_of(subscription: Subscription) -> Values:
    """What a plan change replaces, as the events tell it."""
    return _values(subscription.plan_term, str(subscription.price_id), str(subscription.unit_price))


def values_offered(offered: Offered) -> Values:
    """What a plan change sets: the price is the one of today, as it was shown."""
    return _values(offered.plan_term, str(offered.price.pk), str(offered.price.amount))


def _values(term: PlanTerm, price: str, unit_price: str) -> Values:
    return {
        "plan": str(term.plan_id),
        "plan_id": term.plan.plan_id,
        "title": term.plan.title,
        "plan_term": str(term.pk),
        "term": term.term,
        "billing_cycle": term.billing_cycle,
        "price": price,
        "unit_price": unit_price,
    }


def _change_frequency(actor: Actor, subscription: Subscription, offered: Offered, reason: str, at: datetime) -> None:
    before = values_of(subscription)
    put_on(subscription, offered)
    save_changed(subscription, "plan_term", "price", "unit_price")
    data = {"before": before, "after": values_offered(offered), "at": at.isoformat()}
    record(BillingFrequencyChanged(subscription.pk, data, reason), actor=actor, at=at)


def put_on(subscription: Subscription, offered: Offered) -> None:
    """Set plan, term and price on the object, unsaved."""
    subscription.plan, subscription.plan_term = offered.plan_term.plan, offered.plan_term
    subscription.price, subscription.unit_price = offered.price, offered.price.amount
