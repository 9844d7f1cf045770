"""What billing tells subscriptions through their port to the ledger."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

from billing.accounts import account_row, basis_of, period_of, reckoned
from billing.enums import InvoiceState
from billing.hearing import CONSUMER, Shelf
from billing.models import Account, Charge, Invoice
from billing.reckoning import Account as Reckoned
from billing.reckoning import next_amount, renew
from partnerhub.money import Money
from partnerhub.outbox.models import Delivery
from publishers.selectors import policy_book
from subscriptions.enums import Status
from subscriptions.ledger import Line
from subscriptions.models import Subscription
from subscriptions.services.lapsing import SUSPENSION_LASTS, lapsed_on, lapses_at
from subscriptions.services.renewal import next_term
from subscriptions.terms import term_end


class BillingLedger:
    """The ledger of charges, as previews and pages of subscriptions ask it."""

    def lines_caused_by(self, event_ids: Sequence[UUID]) -> list[Line]:
        """The lines that were written because of these events, in the order in which they were written."""
        charges = Charge.objects.filter(cause_id__in=event_ids).order_by("subscription_id", "sequence")
        return [_line(charge) for charge in charges]

    def next_charge(self, subscription: Subscription, at: datetime) -> tuple[date, Money] | None:
        """The first day of the next period and what it would be charged, by the prices of that day, as far as known,
        and what is scheduled.

        None when nothing more will be charged: it ends, or has not been activated.
        """
        row = account_row(subscription.pk)
        if row is None or not row.is_open or _ends_with_trial(row, subscription):
            return None
        ends_on = _ends_suspended_on(subscription, at)
        account = reckoned(row)
        if account.next_charge_on is None:
            if not subscription.auto_renew or subscription.status != Status.SUBSCRIBED:
                return None
            _renew(account, subscription)
        amount = next_amount(account)
        if account.next_charge_on is None or amount is None or (ends_on and ends_on <= account.next_charge_on):
            return None
        return account.next_charge_on, Money(amount, subscription.currency)

    def billed_quantity(self, subscription_ids: Sequence[UUID]) -> dict[UUID, int]:
        """For how many licences each is charged now, 0 when for none. Those that billing still has to hear of are
        left out.
        """
        unheard = Delivery.objects.filter(stream_id__in=subscription_ids, handler=CONSUMER, delivered_at=None)
        waiting = set(unheard.values_list("stream_id", flat=True))
        open_accounts = Account.objects.filter(pk__in=subscription_ids, is_open=True)
        charged = dict(open_accounts.values_list("pk", "quantity"))
        return {pk: charged.get(pk, 0) for pk in subscription_ids if pk not in waiting}

    def own_prices(self, subscription_ids: Sequence[UUID]) -> dict[UUID, list[tuple[int, Money]]]:
        """How many licences, at which price, that is not the one of the running term: they were added within it.
        Those that have none are left out.
        """
        rows = Account.objects.filter(pk__in=subscription_ids).exclude(added=[])
        return {
            pk: [(one["quantity"], Money(Decimal(one["unit_price"]), currency)) for one in added]
            for pk, added, currency in rows.values_list("pk", "added", "subscription__currency")
        }

    def count_invoices(self, customer_id: UUID) -> int:
        """How many invoices and credit notes a customer has, without drafts that were dropped."""
        return Invoice.objects.filter(customer_id=customer_id).exclude(state=InvoiceState.VOID).count()


def _ends_with_trial(row: Account, subscription: Subscription) -> bool:
    """Whether nothing follows the running trial (rule 65)."""
    return row.in_trial and subscription.on_trial and not subscription.auto_renew


def _ends_suspended_on(subscription: Subscription, at: datetime) -> date | None:
    """The day from which nothing is owed if it stays suspended (rule 62); None while it is not."""
    lapses = lapses_at(subscription, policy_book(SUSPENSION_LASTS), at) if subscription.suspended_at else None
    return lapsed_on(subscription, lapses) if lapses else None


def _renew(account: Reckoned, subscription: Subscription) -> None:
    quantity, offered, _dropped = next_term(subscription)
    term = offered.plan_term
    rounding = Shelf().rounding(term, datetime.combine(account.term_end, time(), UTC))
    basis = basis_of(term, offered.price.pk, offered.price.amount, quantity, account.basis.partner_id, rounding)
    # A trial may outlast a short term.
    while account.next_charge_on is None:
        renew(account, account.opened_by, basis, (account.term_end, term_end(account.term_end, term.term)))


def _line(charge: Charge) -> Line:
    period = period_of(charge)
    return Line(
        charge_type=charge.charge_type,
        quantity=charge.quantity,
        unit_price=charge.unit_price,
        effective_unit_price=charge.effective_unit_price,
        amount=Money(charge.amount, charge.currency),
        period_start=period.start,
        period_end=period.end,
        billing_days=period.billing_days,
        cycle_days=period.cycle_days,
        reference_id=charge.reference_id,
    )
