"""Why a charge is what it is: everything that it stands on, and the same arithmetic once more."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from billing.accounts import period_of
from billing.enums import ChargeType
from billing.models import Charge
from billing.proration import Rounding, share
from billing.replaying import Fault, row_of
from billing.verification import faults_of
from partnerhub.money import Money
from partnerhub.outbox.models import Event
from publishers.models import Price
from subscriptions.enums import RequestStatus
from subscriptions.models import BillingStart, ChangeRequest, Gate, SeatTranche

_APPROVED = [RequestStatus.APPROVED, RequestStatus.PARTLY_APPROVED]
# What these take back is what was left of a line, whatever its days.
_RESTS = (ChargeType.CANCEL_IMMEDIATE, ChargeType.CUSTOMER_CREDIT)


@dataclass(frozen=True, slots=True)
class Sum:
    """The arithmetic of a line: `exact` before it is rounded down, the sign of a credit included."""

    unit_price: Decimal
    units: int
    days: int
    cycle_days: int
    exact: Decimal
    amount: Money


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a charge stands on. `sum` is None where a credit takes back the rest of a line, which `credits` names."""

    charge: Charge
    cause: Event
    start: BillingStart
    evidence: list[Gate]
    tranches: list[SeatTranche]
    price: Price
    sum: Sum | None
    credits: Charge | None
    request: ChangeRequest | None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A subscription's ledger written once more: how many lines, what does not hold, and what of that is this line."""

    lines: int
    faults: list[Fault]
    of_line: list[Fault]


def explain(charge: Charge) -> Explanation:
    """Everything that a charge stands on."""
    gates = Gate.objects.filter(subscription_id=charge.subscription_id, satisfied_at__isnull=False)
    tranches = SeatTranche.objects.filter(subscription_id=charge.subscription_id, opened_at__lte=charge.recorded_at)
    return Explanation(
        charge=charge,
        cause=charge.cause,
        start=charge.confirmation,
        evidence=list(gates.order_by("position")),
        tranches=list(tranches.order_by("pk")),
        price=charge.price,
        sum=None if charge.charge_type in _RESTS else sum_of(charge),
        credits=charge.reverses,
        request=_request_behind(charge),
    )


def sum_of(charge: Charge) -> Sum:
    """The arithmetic of a charge, done again by its own policy of rounding (rules 76, 80)."""
    period = period_of(charge)
    sign = -1 if charge.reverses_id else 1
    given = (charge.unit_price, charge.quantity, period.billing_days, period.cycle_days)
    cost = share(*given, charge.currency, Rounding(charge.rounding))
    exact = Fraction(charge.unit_price) * charge.quantity * period.billing_days / period.cycle_days
    shown = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("0.000001"))
    return Sum(*given, sign * shown, cost.amount if sign > 0 else -cost.amount)


def rebuild(charge: Charge) -> Rebuilt:
    """Write the subscription's ledger once more from what was heard, by the code that charges, and compare."""
    faults = faults_of(charge.subscription_id)
    lines = Charge.objects.filter(subscription_id=charge.subscription_id).count()
    return Rebuilt(lines, faults, [fault for fault in faults if fault.row == row_of(charge)])


def _request_behind(charge: Charge) -> ChangeRequest | None:
    """The change request that an admin agent approved, where the change was one; granted at the moment it began."""
    began = charge.cause.data.get("requested_at")
    if not began:
        return None
    moment = datetime.fromisoformat(began).astimezone(UTC)
    requests = ChangeRequest.objects.filter(subscription_id=charge.subscription_id, status__in=_APPROVED)
    return requests.filter(decided_at=moment).first()
