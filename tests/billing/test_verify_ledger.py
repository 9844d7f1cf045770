"""`manage.py verify_ledger` names the first bad row; the tests cheat with the triggers switched off."""

from datetime import timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.core.management import CommandError, call_command

from billing.models import Charge
from billing.accounts import fingerprint
from partnerhub.outbox.models import Event
from partnerhub.outbox.recorder import digest
from subscriptions.services.ending import cancel
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db


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

    assert (
        fault(capsys)
        == f"first bad row: subscription {subscription.pk}: subscription.activated was heard, but its line #1 was not charged"
    )
