"""A preview as the pages show it: now and new, what is charged or credited today, and what follows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from partnerhub.money import Money
from partnerhub.web.templatetags.hub import day_text, money_words
from publishers.models import PlanTerm
from subscriptions import words
from subscriptions.cancellation import Refund
from subscriptions.changes import AT_RENEWAL, Change
from subscriptions.enums import NoteCode, Status
from subscriptions.ledger import Line
from subscriptions.models import Subscription
from subscriptions.previews import Note, Preview, State
from subscriptions.views.rows import licences, term_words


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a change moves; also one figure of a quote that moved."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LineRow:
    """One line of the ledger that the change writes at once."""

    what: str
    quantity: int
    unit: str
    period: str
    days: str
    amount: Money


@dataclass(frozen=True, slots=True)
class LookAhead:
    """Everything a change dialog tells before it is confirmed. `ends_on` is the inclusive last day of the term."""

    differences: list[Difference]
    lines: list[LineRow]
    due: Money
    due_label: str
    next_charge_on: date | None
    next_charge: Money | None
    renews_on: date | None
    ends_on: date | None
    effective_at: datetime | None
    exit_deadline: datetime | None
    notes: list[str]


def look_ahead(preview: Preview, subscription: Subscription) -> LookAhead:
    """A preview in words and figures of the reader's language."""
    charge_on, charge = preview.next_charge or (None, None)
    at_renewal = preview.change.when == AT_RENEWAL
    term_end = date.fromisoformat(preview.after.term_end) if preview.after.term_end else None
    ended = preview.after.status == Status.UNSUBSCRIBED
    return LookAhead(
        differences=list(differences(preview.before, preview.after)),
        lines=[_row(line) for line in preview.lines],
        due=preview.due_today,
        due_label=_("Credited today") if preview.due_today.amount < 0 else _("Charged today"),
        next_charge_on=charge_on,
        next_charge=charge,
        renews_on=preview.renews_on,
        ends_on=term_end - timedelta(days=1) if term_end and not preview.renews_on and not ended else None,
        effective_at=None if at_renewal else preview.effective_at,
        exit_deadline=preview.exit_deadline,
        notes=[sentence for note in preview.notes if (sentence := _note(note, subscription))],
    )


def differences(before: State, after: State) -> Iterator[Difference]:
    """What reads differently in two states, in the order in which the page shows it."""
    was, becomes = _told(before), _told(after)
    for label, text in was.items():
        if text != becomes.get(label, text):
            yield Difference(label, text, becomes[label])


def _told(state: State) -> dict[str, str]:
    price = Money(Decimal(state.unit_price), state.currency)
    told = {
        _("Nickname"): state.nickname,
        _("Status"): str(words.STATUS[Status(state.status)]),
        _("Quantity"): licences(state.quantity),
        _("Plan"): state.plan,
        _("Price"): money_words(price),
        _("Billing frequency"): str(words.CYCLE[state.billing_cycle]),
        _("Auto-renew"): _("On") if state.auto_renew else _("Off"),
        _("Indirect reseller PartnerID"): state.partner_id or _("none"),
    }
    if state.status != Status.UNSUBSCRIBED:
        told[_("At renewal")] = renewal_words(state.scheduled) or _("as it is")
    return told


def renewal_words(scheduled: dict[str, Any]) -> str:
    """What is scheduled for the next term: `30 licences, plan Pro, 1 year, billed yearly`; empty for nothing."""
    parts = [licences(scheduled["quantity"])] if scheduled.get("quantity") else []
    if scheduled.get("plan_term"):
        term = PlanTerm.objects.select_related("plan").get(pk=scheduled["plan_term"])
        parts.append(_("plan {plan}, {term}").format(plan=term.plan.title, term=term_words(term)))
    return ", ".join(parts)


def figures(shown: Preview, current: Preview) -> list[Difference]:
    """The money and the days of two previews of one change, side by side."""
    return [
        Difference(_("Today"), money_words(shown.due_today), money_words(current.due_today)),
        Difference(_("Next charge"), _charge_words(shown), _charge_words(current)),
        Difference(_("Next term"), _renewal_day(shown), _renewal_day(current)),
    ]


def moved_figures(shown: Preview, current: Preview) -> list[Difference]:
    """What a quote told and what is so now, where they differ."""
    moved = [figure for figure in figures(shown, current) if figure.before != figure.after]
    return [*moved, *differences(shown.before, current.before), *_outcomes(shown, current)]


def _outcomes(shown: Preview, current: Preview) -> Iterator[Difference]:
    told = {one.label for one in differences(shown.before, current.before)}
    return (one for one in differences(shown.after, current.after) if one.label not in told)


def _charge_words(preview: Preview) -> str:
    if preview.next_charge is None:
        return _("none")
    day, amount = preview.next_charge
    return f"{money_words(amount)}, {day_text(day)}"


def _renewal_day(preview: Preview) -> str:
    return day_text(preview.renews_on) if preview.renews_on else _("none")


def _row(line: Line) -> LineRow:
    credited = line.amount.amount < 0
    last_day = line.period_end - timedelta(days=1)
    return LineRow(
        what=_("Credited") if credited else _("Charged"),
        quantity=line.quantity,
        unit=money_words(Money(line.unit_price, line.amount.currency)),
        period=f"{day_text(line.period_start)} – {day_text(last_day)}",
        days=_("{days} of {cycle}").format(days=line.billing_days, cycle=line.cycle_days),
        amount=line.amount,
    )


def _note(note: Note, subscription: Subscription) -> str:
    values = dict(note.values)
    if "scheduled" in values:
        values["scheduled"] = renewal_words(values["scheduled"])
    if values.get("on"):
        values["on"] = day_text(date.fromisoformat(values["on"]))
    return str(_NOTES[note.code]).format(**values)


_NOTES = {
    NoteCode.PUBLISHER_DECIDES: gettext_lazy("{publisher} may refuse it: until it answers, all is as it was."),
    NoteCode.AT_RENEWAL: gettext_lazy(
        "It takes effect when the next term begins, on {on}. Until then nothing changes."
    ),
    NoteCode.SCHEDULE_STAYS: gettext_lazy("What is scheduled stays: {scheduled} at renewal on {on}."),
    NoteCode.SCHEDULE_WAITS: gettext_lazy(
        "What is scheduled ({scheduled}) waits: without auto-renew there is no renewal."
    ),
    NoteCode.SCHEDULE_GOES: gettext_lazy("What is scheduled goes: {scheduled}."),
    NoteCode.SCHEDULE_DOES_NOT_FIT: gettext_lazy(
        "What is scheduled ({scheduled}) will not fit any more at renewal on {on}: change it."
    ),
}


def effect_words(change: Change, preview: Preview) -> str:
    """What the primary button repeats: `Reduce to 18 licences, credit €42.10`."""
    due = preview.due_today
    if change.status == "deleted":
        return _cancel_words(change, due)
    act = _act_words(change, preview)
    if not due.amount:
        return act
    amount = money_words(-due if due.amount < 0 else due)
    if due.amount < 0:
        return _("{act}, credit {amount}").format(act=act, amount=amount)
    return _("{act}, pay {amount}").format(act=act, amount=amount)


def _act_words(change: Change, preview: Preview) -> str:
    before, after = preview.before, preview.after
    if change.when == AT_RENEWAL:
        return _("Schedule for renewal")
    if change.quantity is not None:
        more = change.quantity > before.quantity
        seats = licences(change.quantity)
        return _("Increase to {seats}").format(seats=seats) if more else _("Reduce to {seats}").format(seats=seats)
    if change.plan_term_id is not None:
        same_plan = before.plan == after.plan
        chosen = str(words.CYCLE[after.billing_cycle]) if same_plan else after.plan
        return _("Change to {chosen}").format(chosen=chosen)
    if change.auto_renew is not None:
        return _("Turn auto-renew on") if change.auto_renew else _("Turn auto-renew off")
    if change.partner_id is not None:
        partner_id = change.partner_id
        return _("Name reseller {id}").format(id=partner_id) if partner_id else _("Remove the reseller")
    if change.nickname is not None:
        return _("Rename to {nickname}").format(nickname=change.nickname)
    return _("Suspend") if change.status == "suspended" else _("Reinstate")


def _cancel_words(change: Change, due: Money) -> str:
    """A cancellation never charges anything; when it gives nothing back, it is told apart why."""
    if due.amount:
        return _("Cancel, credit {amount}").format(amount=money_words(-due))
    if change.agreement and change.agreed_refund == Refund.NONE:
        return _("Cancel without refund")
    return _("Cancel, nothing was charged")
