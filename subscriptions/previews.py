"""What a change would do, as people and programs are shown it before it is done. Pure values and their JSON."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from partnerhub.money import Money
from subscriptions.changes import Change
from subscriptions.enums import NoteCode
from subscriptions.ledger import Line

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class State:
    """What of a subscription a change can move. `term_end` is exclusive; `scheduled` is for the next term."""

    nickname: str
    status: str
    quantity: int
    plan: str
    plan_term_id: str
    term: str
    billing_cycle: str
    auto_renew: bool
    partner_id: str
    unit_price: str
    currency: str
    term_end: str
    scheduled: Json

    def as_json(self) -> Json:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know before the change, by its code, with the values of its sentence."""

    code: NoteCode
    values: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Preview:
    """A look ahead: the states before and after, the lines that are charged or credited at once and their sum.

    `next_charge` is the first day of the next period and its amount; `renews_on` the UTC day on which the next term
    begins, None where it ends; `exit_deadline` until when (exclusive) what is bought now can be given back.
    """

    change: Change
    before: State
    after: State
    lines: list[Line]
    due_today: Money
    next_charge: tuple[date, Money] | None
    renews_on: date | None
    effective_at: datetime
    exit_deadline: datetime | None
    notes: list[Note] = field(default_factory=list)

    def as_json(self) -> Json:
        """All of it in JSON's types; amounts are text, so that nothing is rounded on the way."""
        charge = self.next_charge
        return {
            "before": self.before.as_json(),
            "after": self.after.as_json(),
            "lines": [_line(one) for one in self.lines],
            "due_today": _money(self.due_today),
            "next_charge": {"on": str(charge[0]), **_money(charge[1])} if charge else None,
            "renews_on": str(self.renews_on) if self.renews_on else None,
            "effective_at": self.effective_at.isoformat(),
            "exit_deadline": self.exit_deadline.isoformat() if self.exit_deadline else None,
            "notes": [{"code": note.code.value, "values": note.values} for note in self.notes],
        }


# What a moment later may differ in without anybody being charged anything else.
_PASSING = ("effective_at", "exit_deadline")


def material(shown: Json) -> Json:
    """What of a shown preview must still be so when the change is committed."""
    kept = {name: value for name, value in shown.items() if name not in _PASSING}
    moving = [{name: value for name, value in line.items() if name != "reference_id"} for line in kept["lines"]]
    return kept | {"lines": moving}


def preview_from(change: Change, shown: Json) -> Preview:
    """The preview that `as_json` wrote, for showing it again."""
    charge = shown["next_charge"]
    return Preview(
        change=change,
        before=State(**shown["before"]),
        after=State(**shown["after"]),
        lines=[_line_from(one) for one in shown["lines"]],
        due_today=_money_from(shown["due_today"]),
        next_charge=(date.fromisoformat(charge["on"]), _money_from(charge)) if charge else None,
        renews_on=date.fromisoformat(shown["renews_on"]) if shown["renews_on"] else None,
        effective_at=datetime.fromisoformat(shown["effective_at"]),
        exit_deadline=datetime.fromisoformat(shown["exit_deadline"]) if shown["exit_deadline"] else None,
        notes=[Note(NoteCode(note["code"]), note["values"]) for note in shown["notes"]],
    )


def _money(money: Money) -> Json:
    return {"amount": str(money.amount), "currency": money.currency}


def _money_from(values: Json) -> Money:
    return Money(Decimal(values["amount"]), values["currency"])


def _line(line: Line) -> Json:
    return {
        "charge_type": str(line.charge_type),
        "quantity": line.quantity,
        "unit_price": str(line.unit_price),
        "effective_unit_price": str(line.effective_unit_price),
        **_money(line.amount),
        "period_start": str(line.period_start),
        "period_end": str(line.period_end),
        "billing_days": line.billing_days,
        "cycle_days": line.cycle_days,
        "reference_id": str(line.reference_id) if line.reference_id else None,
    }


def _line_from(values: Json) -> Line:
    return Line(
        charge_type=values["charge_type"],
        quantity=values["quantity"],
        unit_price=Decimal(values["unit_price"]),
        effective_unit_price=Decimal(values["effective_unit_price"]),
        amount=_money_from(values),
        period_start=date.fromisoformat(values["period_start"]),
        period_end=date.fromisoformat(values["period_end"]),
        billing_days=values["billing_days"],
        cycle_days=values["cycle_days"],
        reference_id=UUID(values["reference_id"]) if values["reference_id"] else None,
    )
