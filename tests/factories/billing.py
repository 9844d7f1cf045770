from datetime import datetime, timedelta
from importlib import import_module

from django.apps import apps

from accounts.policy import SYSTEM, Role
from billing.models import Charge, InvoiceSeries
from partnerhub.outbox.delivery import deliver_due
from subscriptions.enums import Acceptance
from subscriptions.models import Subscription
from subscriptions.services.plans import change_plan
from subscriptions.services.quantity import change_quantity
from subscriptions.services.settling import accept
from tests.factories.accounts import actor

ADMIN = actor(Role.ADMIN_AGENT)


def lines(subscription: Subscription) -> list[tuple[str, str, int, str]]:
    """The ledger of a subscription as people write it: type, period (last day included), quantity, amount."""
    charges = Charge.objects.filter(subscription=subscription).order_by("sequence")
    return [(str(one.charge_type), days_of(one), one.quantity, f"{one.amount:.2f}") for one in charges]


def days_of(charge: Charge) -> str:
    return f"{charge.period_start:%-d %b}-{charge.period_end - timedelta(days=1):%-d %b}"


def settle(subscription: Subscription, accepted: datetime) -> Subscription:
    """The publisher accepts what is in flight, and billing hears of it."""
    operation = subscription.operations.get(completed_at=None)
    accept(SYSTEM, operation.pk, how=Acceptance.PUBLISHER, at=accepted)
    deliver_due(accepted)
    return Subscription.objects.get(pk=subscription.pk)


def to_quantity(subscription: Subscription, quantity: int, asked: datetime, accepted: datetime | None = None):
    """Another quantity, asked for and accepted."""
    change_quantity(ADMIN, subscription.pk, quantity=quantity, version=None, at=asked, hold=False)
    return settle(subscription, accepted or asked)


def to_plan(subscription: Subscription, term, asked: datetime, accepted: datetime | None = None):
    """Another plan, asked for and accepted."""
    change_plan(ADMIN, subscription.pk, plan_term_id=term.pk, version=None, at=asked)
    return settle(subscription, accepted or asked)


def restore_billing_data() -> None:
    """Write the migration's series and tax rates again where a test that committed has emptied every table."""
    if not InvoiceSeries.objects.exists():
        import_module("billing.migrations.0006_series_and_tax_rates").add_data(apps, None)
