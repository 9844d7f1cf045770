"""Licences three ways: bought (tranches), assigned (what the publisher said last), billed (the ledger's account)."""

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

from accounts.policy import Action, Actor, authorize
from billing.hearing import CONSUMER
from partnerhub.outbox.models import Delivery
from subscriptions.enums import DivergenceKind, GateName, OperationAction, Status
from subscriptions.models import Divergence, Gate, Operation, Subscription
from subscriptions.models.operation import IN_FLIGHT
from subscriptions.selectors import subscriptions_visible_to

# Divergences that have a reason of their own here.
TOLD_APART = [DivergenceKind.ASSIGNED_DIFFERS, DivergenceKind.ACCEPTED_BY_SILENCE]
_OF_SEATS = [OperationAction.CHANGE_QUANTITY, OperationAction.CHANGE_PLAN, OperationAction.RENEW]


class SeatReason(StrEnum):
    """Why the three figures differ, or why one of them is not known."""

    NOT_ACTIVATED = "not_activated"
    BILLING_BEHIND = "billing_behind"
    BILLED_DIFFERS = "billed_differs"
    CHANGE_UNDER_WAY = "change_under_way"
    ACCEPTED_BY_SILENCE = "accepted_by_silence"
    PARTIAL_ASSIGNMENT = "partial_assignment"
    ASSIGNED_MORE = "assigned_more"
    NOT_REPORTED = "not_reported"
    DIVERGENCE = "divergence"


@dataclass(frozen=True, slots=True)
class Seats:
    """The figures of one subscription; `assigned` is None where the publisher has not said it of this quantity."""

    bought: int
    assigned: int | None
    billed: int
    is_pending: bool = False
    is_behind: bool = False
    is_moving: bool = False
    by_silence: bool = False
    diverges: bool = False

    @property
    def reasons(self) -> list[SeatReason]:
        """In the order in which they are worth telling."""
        told = {
            SeatReason.NOT_ACTIVATED: self.is_pending,
            SeatReason.BILLING_BEHIND: self.is_behind and self.billed != self.bought,
            SeatReason.BILLED_DIFFERS: not self.is_pending and not self.is_behind and self.billed != self.bought,
            SeatReason.CHANGE_UNDER_WAY: self.is_moving,
            SeatReason.ACCEPTED_BY_SILENCE: self.by_silence,
            SeatReason.PARTIAL_ASSIGNMENT: self.assigned is not None and self.assigned < self.bought,
            SeatReason.ASSIGNED_MORE: self.assigned is not None and self.assigned > self.bought,
            SeatReason.DIVERGENCE: self.diverges,
            SeatReason.NOT_REPORTED: self.assigned is None and not self.is_pending,
        }
        return [reason for reason, holds in told.items() if holds]


def seats_visible_to(actor: Actor) -> QuerySet[Subscription]:
    """The subscriptions that have not ended, or are billed all the same, each with what `seats_of` reads.

    Raises NotPermitted.
    """
    authorize(actor, Action.CHARGE_READ)
    plain = subscriptions_visible_to(actor).select_related(None).prefetch_related(None)
    figures = plain.filter(~Q(status=Status.UNSUBSCRIBED) | Q(billing_account__is_open=True)).annotate(
        billed=_where(Q(billing_account__is_open=True), "billing_account__quantity"),
        bought=_where(~Q(status=Status.UNSUBSCRIBED), "quantity"),
        assigned=Coalesce(_diverging(), _evident()),
        is_behind=Exists(Delivery.objects.filter(stream_id=OuterRef("pk"), handler=CONSUMER, delivered_at=None)),
        is_moving=Exists(_operations(status__in=list(IN_FLIGHT))),
        by_silence=Exists(_open_divergences().filter(kind=DivergenceKind.ACCEPTED_BY_SILENCE)),
        diverges=Exists(_open_divergences().exclude(kind__in=TOLD_APART)),
    )
    told = Prefetch("divergences", Divergence.objects.filter(ended_at=None), to_attr="open_divergences")
    return figures.select_related("customer", "publisher", "offer", "plan").prefetch_related(told)


def differing(seats: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """Those whose figures do not agree, or may not stay so. What is never reported is no difference by itself."""
    unequal = ~Q(billed=F("bought")) | (Q(assigned__isnull=False) & ~Q(assigned=F("bought")))
    return seats.filter(unequal | Q(is_moving=True) | Q(by_silence=True) | Q(diverges=True))


def seats_of(row: Subscription) -> Seats:
    """The figures of a row of `seats_visible_to`."""
    found = vars(row)
    return Seats(
        bought=found["bought"],
        assigned=found["assigned"],
        billed=found["billed"],
        is_pending=row.status == Status.PENDING,
        is_behind=found["is_behind"],
        is_moving=found["is_moving"],
        by_silence=found["by_silence"],
        diverges=found["diverges"],
    )


def _where(condition: Q, figure: str) -> Case:
    return Case(When(condition, then=F(figure)), default=Value(0), output_field=IntegerField())


def _operations(**given: object) -> QuerySet[Operation]:
    return Operation.objects.filter(subscription=OuterRef("pk"), action__in=_OF_SEATS, **given)


def _open_divergences() -> QuerySet[Divergence]:
    return Divergence.objects.filter(subscription=OuterRef("pk"), ended_at=None)


def _diverging() -> Subquery:
    """What a publisher that was asked again showed as assigned."""
    said = _open_divergences().filter(kind=DivergenceKind.ASSIGNED_DIFFERS, theirs__regex=r"^\d{1,9}$")
    return Subquery(said.values(said=Cast("theirs", IntegerField()))[:1])


def _evident() -> Subquery:
    """What was said with the confirmation, as long as it was said of the quantity that is held now."""
    gate = Gate.objects.filter(subscription=OuterRef("pk"), gate=GateName.LICENSES_ASSIGNED)
    said = gate.annotate(
        of=Cast(KT("evidence__said__quantity"), IntegerField()),
        said=Cast(KT("evidence__said__assigned_quantity"), IntegerField()),
    )
    return Subquery(said.filter(of=OuterRef("quantity")).values("said")[:1])
