"""Why can't I? What is said beforehand is what happens: for every role, state and control."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts.policy import AGENT_ROLES, SYSTEM, Role
from partnerhub.errors import HubError
from partnerhub.outbox.models import Event
from subscriptions.changes import Change
from subscriptions.enums import Control
from subscriptions.models import Subscription
from subscriptions.services.allowing import refusal_of, refusals_of
from subscriptions.services.asking import poll_now
from subscriptions.services.edits import rename, set_auto_renew
from subscriptions.services.ending import cancel
from subscriptions.services.links import mint_link
from subscriptions.services.notes import add_note
from subscriptions.services.plans import change_plan
from subscriptions.services.quantity import change_quantity
from subscriptions.services.requests import ask
from subscriptions.services.resellers import change_reseller
from subscriptions.services.scheduling import schedule_renewal
from subscriptions.services.suspension import reinstate, suspend
from tests.factories.accounts import actor
from tests.factories.customers import ResellerFactory
from tests.factories.publishers import PlanFactory, PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db

SOON = NOON + timedelta(hours=1)
LATE = NOON + timedelta(days=8)


def pending():
    return buy(quantity=7), SOON


def running():
    return active(quantity=7), SOON


def out_of_windows():
    return active(quantity=7), LATE


def in_flight():
    subscription = active(quantity=7)
    change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=8, version=None, at=SOON)
    return subscription, SOON


def suspended():
    subscription = active(quantity=7)
    suspend(actor(Role.ADMIN_AGENT), subscription.pk, reason="", version=None, at=SOON)
    return subscription, SOON


def not_renewing_itself():
    subscription = active(quantity=7, auto_renew=False)
    return subscription, SOON


def being_renewed():
    subscription = active(quantity=7)
    day = Subscription.objects.get(pk=subscription.pk).term_end
    return subscription, datetime(day.year, day.month, day.day, tzinfo=UTC)


def ended():
    subscription = active(quantity=7)
    cancel(actor(Role.ADMIN_AGENT), subscription.pk, reason="", version=None, at=SOON, hold=False)
    return subscription, SOON


STATES = [pending, running, out_of_windows, in_flight, suspended, not_renewing_itself, being_renewed, ended]


def acts(by, subscription, at):
    """How each control is used; the values are ones that nothing but the state can forbid."""
    known = {"version": None, "at": at}
    key = subscription.pk
    plan = PlanFactory(offer=subscription.offer, plan_id="other", sku_id="0042", min_quantity=1, max_quantity=100)
    term = subscription.plan_term
    other = PlanTermFactory(plan=plan, term=term.term, billing_cycle=term.billing_cycle)
    at_once = PlanTermFactory(plan=subscription.plan, term=term.term, billing_cycle="one_time")
    reseller = ResellerFactory()
    return {
        Control.RENAME: lambda: rename(by, key, nickname="Other", **known),
        Control.INCREASE: lambda: change_quantity(by, key, quantity=9, **known),
        Control.REDUCE: lambda: change_quantity(by, key, quantity=6, **known),
        Control.AUTO_RENEW: lambda: set_auto_renew(by, key, auto_renew=not fresh(subscription).auto_renew, **known),
        Control.CHANGE_PLAN: lambda: change_plan(by, key, plan_term_id=other.pk, **known),
        Control.BILLING_FREQUENCY: lambda: change_plan(by, key, plan_term_id=at_once.pk, **known),
        Control.CHANGE_RESELLER: lambda: change_reseller(by, key, partner_id=reseller.pk, **known),
        Control.SCHEDULE: lambda: schedule_renewal(by, key, plan_term_id=other.pk, **known),
        Control.SUSPEND: lambda: suspend(by, key, reason="", **known),
        Control.REINSTATE: lambda: reinstate(by, key, reason="", **known),
        Control.CANCEL: lambda: cancel(by, key, reason="", **known),
        Control.POLL: lambda: poll_now(by, key, at=at),
        Control.OPEN_LINK: lambda: mint_link(by, key, at=at),
        Control.NOTE: lambda: add_note(by, key, text="Called them", at=at),
        Control.ASK: lambda: ask(by, key, Change(nickname="Other"), reason="They were renamed", at=at),
    }


def fresh(subscription):
    return Subscription.objects.get(pk=subscription.pk)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_what_is_said_beforehand_is_what_happens(state):
    subscription, at = state()
    for role in AGENT_ROLES:
        with transaction.atomic():
            check_as(role, subscription, at)
            transaction.set_rollback(True)


def check_as(role, subscription, at):
    by = actor(role)
    for control, act in acts(by, subscription, at).items():
        foreseen = refusal_of(by, control, fresh(subscription), at=at)
        met = outcome(act)
        assert (role, control, code_of(foreseen)) == (role, control, code_of(met))
        if met is not None:
            assert str(foreseen) == str(met) or control == Control.REDUCE


def outcome(act) -> HubError | None:
    """What an act is refused with; its effect is taken back."""
    before = Event.objects.count()
    savepoint = transaction.savepoint()
    try:
        act()
    except HubError as refusal:
        assert Event.objects.count() == before
        return refusal
    finally:
        transaction.savepoint_rollback(savepoint)
    return None


def code_of(refusal: HubError | None) -> str | None:
    return refusal.code if refusal else None


def test_every_control_is_judged():
    subscription, at = running()
    assert set(refusals_of(SYSTEM, subscription, at=at)) == set(Control)


def test_a_billing_frequency_waits_for_renewal_unless_its_policy_says_now(admin_agent):
    subscription, at = running()
    assert refusal_of(admin_agent, Control.BILLING_FREQUENCY, subscription, at=at).code == "billing_frequency_fixed"
