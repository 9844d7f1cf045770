"""From events to lines: what each event of a subscription means for its account."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from billing import reckoning
from billing.accounts import basis_of
from billing.enums import ChargeType
from billing.events import SubscriptionCredited
from billing.proration import Rounding
from billing.reckoning import Account, Basis, Change, Entry
from partnerhub.outbox.models import Event
from publishers.models import PlanTerm
from publishers.selectors import PolicyBook, policy_book, scope_of
from subscriptions.models import OrderLine

# The consumer that the outbox delivers to: the module of the handlers.
CONSUMER = "billing.handlers"
CREDITED = SubscriptionCredited.name


class Shelf:
    """Plan terms by id, and how their lines are rounded, each read once."""

    def __init__(self) -> None:
        self._terms: dict[UUID, PlanTerm] = {}
        self._policies: PolicyBook | None = None

    def put(self, term: PlanTerm) -> None:
        """Take a plan term that was read with its plan and offer, so that it is not read again."""
        self._terms[term.pk] = term

    def term(self, plan_term_id: UUID) -> PlanTerm:
        """Raises PlanTerm.DoesNotExist."""
        if plan_term_id not in self._terms:
            self._terms[plan_term_id] = PlanTerm.objects.select_related("plan__offer").get(pk=plan_term_id)
        return self._terms[plan_term_id]

    def rounding(self, term: PlanTerm, at: datetime) -> Rounding:
        """The policy `rounding` of a moment (rule 80). Raises LookupError without a row."""
        self._policies = self._policies or policy_book("rounding")
        return Rounding(self._policies.text("rounding", scope_of(term.plan, term.term), at))


def opened(event: Event, line: OrderLine, partner_id: str, shelf: Shelf) -> tuple[Account, list[Entry]]:
    """The account that an activation opens: what was ordered, charged from the day of the later confirmation."""
    term = shelf.term(line.plan_term_id)
    rounding = shelf.rounding(term, event.at)
    basis = basis_of(term, line.price_id, line.unit_price, event.data["quantity"], partner_id, rounding)
    dates = date.fromisoformat(event.data["term_start"]), date.fromisoformat(event.data["term_end"])
    return reckoning.open_account(line.currency, event.pk, basis, dates, term.plan.trial_days)


def heard(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    """The lines that an event adds to an account; cycles that had begun before it come first. To a closed one nothing
    but a credit adds any.
    """
    if account.is_open or event.name == CREDITED:
        yield from _HEARD[event.name](account, event, shelf)


def partner_before(event: Event, line: OrderLine) -> str:
    """The reseller (PartnerID, or nothing) that a subscription was given before an event of it."""
    earlier = Event.objects.filter(stream_id=event.stream_id, name="subscription.reseller_changed")
    last = earlier.filter(sequence__lt=event.sequence).order_by("-sequence").first()
    return str(last.data["after"]) if last else line.reseller_id or ""


def _quantity_changed(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    more = event.data["after"] > event.data["before"]
    kind = ChargeType.ADD_QUANTITY if more else ChargeType.REMOVE_QUANTITY
    requested_on, accepted_on = _days(event)
    yield from reckoning.charge_until(account, accepted_on)
    basis = account.basis.resized(event.data["after"], _own_price(event))
    yield from reckoning.change(account, Change(event.pk, kind, basis, requested_on, accepted_on))


def _own_price(event: Event) -> tuple[UUID, Decimal] | None:
    """The price of added licences, where it is not that of the term (policy `added_seats_price`)."""
    return (UUID(event.data["price"]), Decimal(event.data["unit_price"])) if "price" in event.data else None


def _plan_changed(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    return _converted(account, event, shelf, ChargeType.CONVERT)


def _billing_frequency_changed(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    return _converted(account, event, shelf, ChargeType.CHANGE_BILLING_PLAN)


def _converted(account: Account, event: Event, shelf: Shelf, kind: ChargeType) -> Iterator[Entry]:
    requested_on, accepted_on = _days(event)
    yield from reckoning.charge_until(account, accepted_on)
    basis = _basis_after(account, event, shelf)
    ends_trial = not shelf.term(basis.plan_term_id).plan.trial_days
    yield from reckoning.change(account, Change(event.pk, kind, basis, requested_on, accepted_on, ends_trial))


def _basis_after(account: Account, event: Event, shelf: Shelf) -> Basis:
    after = event.data["after"]
    term = shelf.term(UUID(after["plan_term"]))
    quantity = after.get("quantity", account.basis.quantity)
    rounding = shelf.rounding(term, event.at)
    price, unit_price = UUID(after["price"]), Decimal(after["unit_price"])
    return basis_of(term, price, unit_price, quantity, account.basis.partner_id, rounding)


def _reseller_changed(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    """Cycles that had begun before are the old reseller's; later lines name the new one."""
    yield from reckoning.charge_until(account, _day(event.at))
    account.basis = replace(account.basis, partner_id=event.data["after"] or "")


def _renewed(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    yield from reckoning.charge_until(account, account.term_end - timedelta(days=1))
    dates = date.fromisoformat(event.data["term_start"]), date.fromisoformat(event.data["term_end"])
    reckoning.renew(account, event.pk, _basis_after(account, event, shelf), dates)
    yield from reckoning.charge_until(account, _day(event.at))


def _expired(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    """Ended with its term, or within it (`ends_on`, exclusive: with its trial, or suspended for too long): a cycle that
    began later is not owed, even where it had been charged.
    """
    owed_until = date.fromisoformat(event.data["ends_on"]) if "ends_on" in event.data else account.term_end
    yield from reckoning.charge_until(account, owed_until - timedelta(days=1))
    yield from reckoning.refund(account, event.pk, owed_until)


def _cancelled(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    """Refunded in full or not at all: a cycle that had begun on the day when it was asked for is owed, later ones are
    not (rule 56), even where it was held until they had been charged.

    Inside the window, which counts from the purchase, everything is refunded; by agreement the running term.
    """
    if event.data["refund"] == "full":
        since = account.term_start if event.data.get("agreement") else date.min
        yield from reckoning.refund(account, event.pk, since)
        return
    requested_on, _done_on = _days(event)
    yield from reckoning.charge_until(account, requested_on)
    yield from reckoning.refund(account, event.pk, requested_on + timedelta(days=1))


def _credited(account: Account, event: Event, shelf: Shelf) -> Iterator[Entry]:
    limits = {int(number): Decimal(most) for number, most in event.data.get("limits", {}).items()}
    yield from reckoning.credit(account, event.pk, event.data["charges"], limits)


_HEARD: dict[str, Callable[[Account, Event, Shelf], Iterator[Entry]]] = {
    "subscription.quantity_changed": _quantity_changed,
    "subscription.plan_changed": _plan_changed,
    "subscription.billing_frequency_changed": _billing_frequency_changed,
    "subscription.reseller_changed": _reseller_changed,
    "subscription.renewed": _renewed,
    "subscription.expired": _expired,
    "subscription.cancelled": _cancelled,
    CREDITED: _credited,
}
OPENS = "subscription.activated"
HEARD = (OPENS, *_HEARD)


def _days(event: Event) -> tuple[date, date]:
    """The days (UTC) on which a change was asked for and accepted; ours are both at once."""
    said = (event.data.get(name, event.at.isoformat()) for name in ("requested_at", "accepted_at"))
    requested_on, accepted_on = (_day(datetime.fromisoformat(moment)) for moment in said)
    return requested_on, accepted_on


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def concerns_all(event: Event) -> bool:
    """Whether an event may credit a charge of any time, not only those from the last change on."""
    return event.name == CREDITED or "ends_on" in event.data or event.data.get("refund") == "full"
