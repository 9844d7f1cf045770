"""A look ahead at a change, in the style of the dialect: what is charged or credited, and until when it holds."""

from datetime import timedelta
from typing import Any, NotRequired, TypedDict

from partnerhub.api.shapes import Attributes, Guid, Utc, midnight, utc, utc_or_none
from subscriptions.ledger import Line
from subscriptions.models import Quote
from subscriptions.previews import Preview


class AmountShown(TypedDict):
    """`amount` is decimal text before tax; negative is a credit."""

    amount: str
    currency: str


class LineShown(TypedDict):
    """One line of the ledger; `endDate` is inclusive."""

    chargeType: str
    quantity: int
    unitPrice: str
    effectiveUnitPrice: str
    amount: str
    currency: str
    startDate: Utc
    endDate: Utc
    billingDays: int
    chargeCycleDays: int


class NextCharge(AmountShown):
    date: Utc


class NoteShown(TypedDict):
    code: str
    values: dict[str, Any]


class PreviewShown(TypedDict):
    """`quoteId` is accepted by PATCH until `quoteExpiresAt`: then exactly this happens, or nothing."""

    quoteId: Guid
    quoteExpiresAt: Utc
    before: dict[str, Any]
    after: dict[str, Any]
    lines: list[LineShown]
    dueToday: AmountShown
    nextCharge: NextCharge | None
    nextRenewal: NotRequired[Utc]
    effectiveAt: Utc
    exitDeadline: Utc | None
    notes: list[NoteShown]
    attributes: Attributes


def preview_shown(quote: Quote, preview: Preview) -> PreviewShown:
    charge = preview.next_charge
    shown = PreviewShown(
        quoteId=str(quote.pk),
        quoteExpiresAt=utc(quote.expires_at),
        before=preview.before.as_json(),
        after=preview.after.as_json(),
        lines=[_line(line) for line in preview.lines],
        dueToday=AmountShown(amount=preview.due_today.text, currency=preview.due_today.currency),
        nextCharge=(
            NextCharge(date=midnight(charge[0]), amount=charge[1].text, currency=charge[1].currency) if charge else None
        ),
        effectiveAt=utc(preview.effective_at),
        exitDeadline=utc_or_none(preview.exit_deadline),
        notes=[NoteShown(code=note.code.value, values=note.values) for note in preview.notes],
        attributes=Attributes(objectType="Preview"),
    )
    if preview.renews_on:
        shown["nextRenewal"] = midnight(preview.renews_on)
    return shown


def _line(line: Line) -> LineShown:
    return LineShown(
        chargeType=str(line.charge_type),
        quantity=line.quantity,
        unitPrice=f"{line.unit_price}",
        effectiveUnitPrice=f"{line.effective_unit_price}",
        amount=line.amount.text,
        currency=line.amount.currency,
        startDate=midnight(line.period_start),
        endDate=midnight(line.period_end - timedelta(days=1)),
        billingDays=line.billing_days,
        chargeCycleDays=line.cycle_days,
    )
