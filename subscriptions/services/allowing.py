"""Why can't I? For each thing that can be done with a subscription, the refusal that it would meet now, if any.

Pages grey out by it and the API answers with it; the services make the same checks again when it is done.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import (
    AutoRenewOff,
    BillingFrequencyFixed,
    HubError,
    NoPriceInCurrency,
    NothingToPoll,
)
from publishers.models import PlanTerm
from publishers.selectors import policy_book, policy_word, priced_at
from subscriptions.changes import NOW
from subscriptions.enums import Control, Status, Trigger
from subscriptions.lifecycle import next_status
from subscriptions.models import PollSchedule, Subscription
from subscriptions.quantities import check_quantity
from subscriptions.services.checks import (
    check_active,
    check_changeable,
    check_not_renewing,
    check_nothing_in_flight,
    check_reducible,
)
from subscriptions.services.ending import cancel_terms, check_terms
from subscriptions.services.locking import check_not_ended
from subscriptions.services.plans import FREQUENCY, check_fits_term
from subscriptions.services.suspension import check_activated

Check = Callable[[Subscription, datetime], None]


def refusal_of(actor: Actor, control: Control, subscription: Subscription, *, at: datetime) -> HubError | None:
    """The refusal that using a control would meet now, None when it may be used. The role is judged first."""

    def check() -> None:
        authorize(actor, NEEDS[control])
        _CHECKS[control](subscription, at)

    return _met(check)


def refusals_of(actor: Actor, subscription: Subscription, *, at: datetime) -> dict[Control, HubError | None]:
    """The same for every control."""
    return {control: refusal_of(actor, control, subscription, at=at) for control in Control}


def plan_refusals(
    subscription: Subscription, terms: Sequence[PlanTerm], when: str, at: datetime
) -> dict[UUID, HubError | None]:
    """What stands against each of some plan terms of the offer, NOW or AT_RENEWAL, whoever asks; in a few queries."""
    control = Control.CHANGE_PLAN if when == NOW else Control.SCHEDULE
    if common := _met(lambda: _CHECKS[control](subscription, at)):
        return {term.pk: common for term in terms}
    priced, book = priced_at(terms, subscription.currency, at), policy_book(FREQUENCY)

    def check(term: PlanTerm) -> None:
        if term.pk not in priced:
            raise NoPriceInCurrency(offer=term.plan.title, currency=subscription.currency)
        if when == NOW:
            check_fits_term(subscription, term, at, book)
        check_quantity(term.plan, subscription.quantity)

    return {term.pk: _met(partial(check, term)) for term in terms}


def _met(check: Callable[[], None]) -> HubError | None:
    """The refusal that a check raises, if any."""
    try:
        check()
    except HubError as refusal:
        return refusal
    return None


NEEDS: dict[Control, Action] = {
    Control.RENAME: Action.SUBSCRIPTION_RENAME,
    Control.INCREASE: Action.SUBSCRIPTION_CHANGE,
    Control.REDUCE: Action.SUBSCRIPTION_CHANGE,
    Control.AUTO_RENEW: Action.SUBSCRIPTION_AUTO_RENEW,
    Control.BILLING_FREQUENCY: Action.SUBSCRIPTION_CHANGE,
    Control.CHANGE_PLAN: Action.SUBSCRIPTION_CHANGE,
    Control.CHANGE_RESELLER: Action.SUBSCRIPTION_CHANGE,
    Control.SCHEDULE: Action.SUBSCRIPTION_CHANGE,
    Control.SUSPEND: Action.SUBSCRIPTION_SUSPEND,
    Control.REINSTATE: Action.SUBSCRIPTION_SUSPEND,
    Control.CANCEL: Action.SUBSCRIPTION_CANCEL,
    Control.POLL: Action.SUBSCRIPTION_POLL,
    Control.OPEN_LINK: Action.PUBLISHER_LINK_OPEN,
    Control.NOTE: Action.SUBSCRIPTION_NOTE,
    Control.ASK: Action.SUBSCRIPTION_ASK,
}


def _rename(subscription: Subscription, at: datetime) -> None:
    check_not_ended(subscription)


def _quantity(subscription: Subscription, at: datetime) -> None:
    check_changeable(subscription, "quantity", at)


def _reduce(subscription: Subscription, at: datetime) -> None:
    check_changeable(subscription, "quantity", at)
    check_reducible(subscription, 1, at)


def _ours(subscription: Subscription, at: datetime) -> None:
    check_not_ended(subscription)
    check_not_renewing(subscription, at)
    check_nothing_in_flight(subscription)


def _billing_frequency(subscription: Subscription, at: datetime) -> None:
    check_active(subscription, "billing frequency", at)
    term = subscription.plan_term
    if policy_word(FREQUENCY, subscription.plan, at, term.term) != "now":
        raise BillingFrequencyFixed(renews_on=f"{subscription.term_end:%Y-%m-%d}")
    check_changeable(subscription, "billing frequency", at)


def _plan(subscription: Subscription, at: datetime) -> None:
    check_changeable(subscription, "plan", at)


def _schedule(subscription: Subscription, at: datetime) -> None:
    check_active(subscription, "plan", at)
    if not subscription.auto_renew:
        raise AutoRenewOff


def _suspend(subscription: Subscription, at: datetime) -> None:
    _status(subscription, Trigger.SUSPEND, at)


def _reinstate(subscription: Subscription, at: datetime) -> None:
    _status(subscription, Trigger.REINSTATE, at)


def _status(subscription: Subscription, trigger: Trigger, at: datetime) -> None:
    check_not_ended(subscription)
    check_activated(subscription, at)
    next_status(subscription.status, trigger)


def _cancel(subscription: Subscription, at: datetime) -> None:
    check_not_ended(subscription)
    check_nothing_in_flight(subscription)
    check_terms(subscription, cancel_terms(subscription, at), steps_done=True, agreement="to be given")


def _poll(subscription: Subscription, at: datetime) -> None:
    if subscription.status != Status.PENDING:
        raise NothingToPoll(publisher=subscription.publisher.name, why=f"it is {subscription.status}")
    if not PollSchedule.objects.filter(subscription=subscription, next_poll_at__isnull=False).exists():
        raise NothingToPoll(publisher=subscription.publisher.name, why="this publisher calls us by itself")


def _anything(subscription: Subscription, at: datetime) -> None:
    """A note can be left on what has ended, too."""


_CHECKS: dict[Control, Check] = {
    Control.RENAME: _rename,
    Control.INCREASE: _quantity,
    Control.REDUCE: _reduce,
    Control.AUTO_RENEW: _ours,
    Control.BILLING_FREQUENCY: _billing_frequency,
    Control.CHANGE_PLAN: _plan,
    Control.CHANGE_RESELLER: _ours,
    Control.SCHEDULE: _schedule,
    Control.SUSPEND: _suspend,
    Control.REINSTATE: _reinstate,
    Control.CANCEL: _cancel,
    Control.POLL: _poll,
    Control.OPEN_LINK: _rename,
    Control.NOTE: _anything,
    Control.ASK: _rename,
}
