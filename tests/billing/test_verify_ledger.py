"""`manage.py verify_ledger` names the first bad row; the tests cheat with the triggers switched off."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from uuid import uuid4

import pgtrigger
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.policy import SYSTEM, Role
from billing.accounts import fingerprint
from billing.models import Account, Charge
from billing.services.charging import charge_cycles
from partnerhub.outbox.delivery import deliver_due
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import digest
from subscriptions.services.ending import cancel
from subscriptions.services.renewal import renew
from subscriptions.services.resellers import change_reseller
from tests.factories.accounts import actor
from tests.factories.billing import to_quantity
from tests.factories.customers import ResellerFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
WINTER = datetime(2026, 1, 10, 12, tzinfo=UTC)
NEXT_WINTER = datetime(2027, 1, 12, 12, tzinfo=UTC)


def forge(charge: Charge, previous_hash: str, **members: object) -> None:
    """Write something else into a charge, and its hash anew."""
    for name, value in members.items():
        setattr(charge, name, value)
    charge.hash = digest(fingerprint(charge), previous_hash)
    with pgtrigger.ignore("billing.Charge:charge_append_only"):
        charge.save()


def fault(capsys) -> str:
    with pytest.raises(CommandError) as refusal:
        call_command("verify_ledger")
    assert refusal.value.returncode == 1
    return str(refusal.value)


def test_an_honest_ledger_holds(capsys, admin_agent):
    active()
    cancel(admin_agent, active().pk, reason="", version=None, at=NOON, hold=False)
    buy()

    call_command("verify_ledger")

    assert capsys.readouterr().out.startswith("The ledger holds: ")


def test_a_changed_amount_is_found(capsys):
    active()
    with pgtrigger.ignore("billing.Charge:charge_append_only"):
        Charge.objects.update(amount="1.00")

    charge = Charge.objects.get()
    row = f"charge {charge.pk} (subscription {charge.subscription_id} #1)"
    assert fault(capsys) == f"first bad row: {row}: its content does not match its hash"


def test_a_charge_at_zero_without_a_trial_is_found(capsys):
    charge = Charge.objects.get(subscription=active())
    charge.unit_price = charge.effective_unit_price = charge.amount = Decimal(0)
    charge.hash = digest(fingerprint(charge), "")
    with pgtrigger.ignore("billing.Charge:charge_append_only"):
        charge.save()

    row = f"charge {charge.pk} (subscription {charge.subscription_id} #1)"
    assert fault(capsys) == f"first bad row: {row}: its unit_price is 0.0000, recomputed 10.0800"


def test_a_charge_in_another_currency_than_its_price_is_found(capsys):
    charge = Charge.objects.get(subscription=active())
    forge(charge, "", currency="USD")

    row = f"charge {charge.pk} (subscription {charge.subscription_id} #1)"
    assert fault(capsys) == f"first bad row: {row}: is in USD, its price in EUR"


def test_a_rewritten_event_is_found(capsys):
    subscription = active()
    with pgtrigger.ignore("outbox.Event:event_append_only"):
        Event.objects.filter(stream_id=subscription.pk, sequence=2).update(at=NOON - timedelta(days=1))

    assert f"(subscription {subscription.pk} #2): its content does not match its hash" in fault(capsys)


def test_a_missing_event_is_found(capsys):
    subscription = active()
    with pgtrigger.ignore("outbox.Event:event_append_only"):
        Event.objects.filter(stream_id=subscription.pk, sequence=2).delete()

    assert "#3): sequence 3 does not follow 1" in fault(capsys)


def test_an_activation_that_was_heard_but_not_charged_is_found(capsys):
    subscription = active()
    with pgtrigger.ignore("billing.Charge:charge_append_only"):
        Charge.objects.all().delete()

    problem = "subscription.activated was heard, but its line #1 was not charged"
    assert fault(capsys) == f"first bad row: subscription {subscription.pk}: {problem}"


def test_changes_cycles_and_renewals_are_recomputed(capsys, admin_agent):
    subscription = active(WINTER, term=PlanTermFactory(term="P1Y"), quantity=10)
    change_reseller(
        admin_agent, subscription.pk, partner_id=ResellerFactory().partner_id, version=None, at=WINTER, hold=False
    )
    to_quantity(subscription, 12, WINTER + timedelta(days=40))
    renew(SYSTEM, subscription.pk, at=NEXT_WINTER)
    deliver_due(NEXT_WINTER)
    tried = active(WINTER, term=PlanTermFactory(term="P1Y", plan__trial_days=14))
    charge_cycles(SYSTEM, at=NEXT_WINTER)
    cancel(admin_agent, active(quantity=2).pk, reason="", version=None, at=NOON, hold=False)
    deliver_due(NEXT_WINTER)

    call_command("verify_ledger")

    assert capsys.readouterr().out.startswith("The ledger holds: ")
    assert Charge.objects.filter(subscription=subscription).count() == 12 + 2 + 1
    assert Charge.objects.filter(subscription=tried).count() == 1 + 12


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"amount": Decimal("-94.07")}, "its amount is -94.0700, recomputed -94.08"),
        ({"billing_days": 27}, "its period is "),
        ({"reseller_partner_id": "1"}, "its partner_id is 1, recomputed "),
        ({"reference_id": None}, "its is_paired is False, recomputed True"),
    ],
)
def test_a_forged_line_of_a_change_is_found(capsys, members, problem):
    june = datetime(2026, 6, 18, 12, tzinfo=UTC)
    subscription = active(june, quantity=10)
    to_quantity(subscription, 12, june + timedelta(days=2))
    first, wiped, _anew = Charge.objects.order_by("sequence")
    forge(wiped, first.hash, **members)
    row = f"charge {wiped.pk} (subscription {subscription.pk} #2)"
    with pgtrigger.ignore("billing.Charge:charge_append_only"):
        Charge.objects.filter(sequence=3).delete()

    assert fault(capsys).startswith(f"first bad row: {row}: {problem}")


def test_a_charge_that_nothing_explains_is_found(capsys):
    charge = Charge.objects.get(subscription=active())
    forged = Charge.objects.get(pk=charge.pk)
    forged.pk, forged.sequence, forged.period_start = uuid4(), 2, charge.period_start + timedelta(days=1)
    forged.recorded_at += timedelta(days=1)
    forged.previous_hash = charge.hash
    forged.hash = digest(fingerprint(forged), charge.hash)
    forged.save(force_insert=True)

    row = f"charge {forged.pk} (subscription {charge.subscription_id} #2)"
    assert fault(capsys) == f"first bad row: {row}: nothing that was heard explains it"


def test_an_account_that_says_otherwise_is_found(capsys):
    subscription = active()
    Account.objects.update(quantity=8)

    assert f"account of subscription {subscription.pk}: its basis is " in fault(capsys)


def test_accounts_are_made_for_what_was_charged_before_there_were_any():
    active(quantity=3)
    trial = active(term=PlanTermFactory(term="P1Y", plan__trial_days=14))
    ended = active()
    cancel(actor(Role.ADMIN_AGENT), ended.pk, reason="", version=None, at=NOON, hold=False)
    deliver_due(NOON)
    before = list(Account.objects.order_by("pk").values())

    Account.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(import_module("billing.migrations.0004_accounts_of_charged").FORWARD)

    assert list(Account.objects.order_by("pk").values()) == before
    assert Account.objects.get(pk=trial.pk).next_charge_on == NOON.date() + timedelta(days=14)
