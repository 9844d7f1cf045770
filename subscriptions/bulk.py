"""Jobs that change many subscriptions: which ones, what a row of the plan says, and what a worker does with it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from accounts.policy import Actor
from partnerhub.errors import InvalidInput, NotFound
from partnerhub.jobs.enums import LEFT_ROWS, RowStatus
from partnerhub.jobs.kinds import Now, Planned, Telling, register
from partnerhub.jobs.models import Job, JobRow
from partnerhub.jobs.services import MOST_ROWS, Order, Wanted, create_job
from partnerhub.money import Money
from partnerhub.web.templatetags.hub import absolute, day_text, money_words
from subscriptions.filters import SubscriptionFilter
from subscriptions.models import Subscription
from subscriptions.previews import Preview
from subscriptions.selectors import subscriptions_visible_to
from subscriptions.services.bulk import Act, authorize_bulk, change_as_shown, in_flight, rehearse, values_of
from subscriptions.words import STATUS

ACTS = {
    Act.NICKNAME: gettext_lazy("Change the nickname"),
    Act.AUTO_RENEW: gettext_lazy("Turn auto-renew on or off"),
    Act.PARTNER_ID: gettext_lazy("Change the indirect reseller"),
    Act.QUANTITY: gettext_lazy("Change the quantity"),
    Act.POLL: gettext_lazy("Ask the publisher now"),
    Act.CANCEL: gettext_lazy("Cancel subscriptions"),
}
LABELS = {
    Act.NICKNAME: gettext_lazy("Nickname"),
    Act.AUTO_RENEW: gettext_lazy("Auto-renew"),
    Act.PARTNER_ID: gettext_lazy("Indirect reseller PartnerID"),
    Act.QUANTITY: gettext_lazy("Quantity"),
    Act.POLL: gettext_lazy("Publisher"),
    Act.CANCEL: gettext_lazy("Status"),
}
# Rows whose price counts: what was refused or failed charges nothing.
SHOWN_ROWS = (RowStatus.PENDING, RowStatus.RUNNING, RowStatus.DONE)
_HELD_OR_SENT = {Act.AUTO_RENEW.value, Act.PARTNER_ID.value, Act.QUANTITY.value, Act.CANCEL.value}
ASKED = pgettext_lazy("of the publisher", "asked now")


class BulkChange:
    """The kind of job that changes subscriptions; a row asks for values by act, all of them or none."""

    name = "subscriptions.bulk"

    def authorize(self, actor: Actor, job: Job) -> None:
        authorize_bulk(actor, acts_of(job))

    def plan(self, actor: Actor, row: JobRow, *, at: datetime) -> Planned:
        shown = rehearse(actor, _subject(row), row.asked, reason=_reason(row), at=at)
        plan = {"version": shown.version, "before": shown.before, "after": shown.after} | _money(shown.preview)
        return Planned(plan, changes=bool(shown.after))

    def apply(self, actor: Actor, row: JobRow, *, at: datetime) -> dict[str, Any]:
        wanted = {name: row.asked[name] for name in row.plan["after"]}
        changed = change_as_shown(
            actor,
            _subject(row),
            wanted,
            reason=_reason(row),
            version=row.plan["version"],
            due_today=_due_today(row.plan),
            at=at,
        )
        waiting = in_flight(changed) if set(wanted) & _HELD_OR_SENT else None
        if waiting is None:
            return {}
        return {"held_until": waiting.held_until.isoformat() if waiting.held_until else ""}

    def phrase(self, job: Job) -> str:
        """Cancelling is confirmed by the customer's name, or by the number of subscriptions where there are several."""
        if Act.CANCEL not in acts_of(job):
            return ""
        rows = job.rows.filter(status=RowStatus.PENDING)
        owners = list(rows.values_list("owner", flat=True).distinct()[:2])
        return " ".join(owners[0].split()) if len(owners) == 1 else str(rows.count())

    def title(self, job: Job) -> str:
        acts = acts_of(job)
        return str(ACTS[acts[0]]) if len(acts) == 1 else _("Change subscriptions as a file says")

    def button(self, job: Job, rows: int) -> str:
        acts = acts_of(job)
        if acts == [Act.CANCEL]:
            return ngettext("Cancel %(n)d subscription", "Cancel %(n)d subscriptions", rows) % {"n": rows}
        if acts == [Act.POLL]:
            return ngettext("Ask about %(n)d subscription", "Ask about %(n)d subscriptions", rows) % {"n": rows}
        return ngettext("Change %(n)d subscription", "Change %(n)d subscriptions", rows) % {"n": rows}

    def is_final(self, job: Job) -> bool:
        return Act.CANCEL in acts_of(job)

    def headings(self) -> tuple[str, str]:
        return _("Nickname"), _("Customer")

    def tell(self, row: JobRow) -> Telling:
        url = reverse("subscriptions:detail", args=[row.subject_id]) if row.subject_id else ""
        before, after = row.plan.get("before", {}), row.plan.get("after", row.asked)
        lines = [
            Now(str(LABELS[Act(name)]), _word(Act(name), before.get(name)), _word(Act(name), after[name], new=True))
            for name in after
        ]
        return Telling(url, lines, [*_price_notes(row.plan), *_notes(row)])

    def summary(self, job: Job) -> Sequence[str]:
        return []

    def again(self, actor: Actor, job: Job, *, at: datetime) -> Job:
        left = job.rows.filter(status__in=LEFT_ROWS, subject_id__isnull=False).order_by("number")
        before = [{"before": row.plan.get("before", {})} for row in left]
        rows = [
            Wanted(row.subject_id, row.subject, row.asked, row.owner, plan)
            for row, plan in zip(left, before, strict=True)
        ]
        return create_job(actor, Order(self, job.asked, rows), at=at)


BULK = BulkChange()
register(BULK)


def acts_of(job: Job) -> list[Act]:
    """What a job does, in the order of Act."""
    return [act for act in Act if act.value in job.asked["acts"]]


def selected(actor: Actor, ids: Iterable[UUID], matching: str | None, *, at: datetime) -> QuerySet[Subscription]:
    """The visible subscriptions of a selection: those named, or with `matching` all that its filter leaves.

    `matching` is the query string of a list; one that cannot be read is refused, because it would leave more than was
    shown. Raises InvalidInput, NotPermitted.
    """
    visible = subscriptions_visible_to(actor)
    if matching is None:
        return visible.filter(pk__in=list(ids))
    filters = SubscriptionFilter(QueryDict(matching), queryset=visible, at=at)
    if not filters.form.is_valid():
        raise InvalidInput(field="filter", problem=", ".join(filters.form.errors))
    matched: QuerySet[Subscription] = filters.qs
    return matched


def plan_selected(
    actor: Actor, ids: Sequence[UUID], matching: str | None, asked: Mapping[str, Any], *, reason: str, at: datetime
) -> Job:
    """Plan the same change of every subscription of a selection. Raises what `selected` and `create_job` raise."""
    found = selected(actor, ids, matching, at=at).prefetch_related(None)[: MOST_ROWS + 1]
    order = {"acts": list(asked), "reason": reason, "matching": matching}
    named = ids if matching is None else ()
    return create_job(actor, Order(BULK, order, _frozen(found, named, asked)), at=at)


def _frozen(found: Iterable[Subscription], ids: Sequence[UUID], asked: Mapping[str, Any]) -> Iterator[Wanted]:
    seen = set()
    for one in found:
        seen.add(one.pk)
        yield Wanted(one.pk, one.nickname, dict(asked), one.customer.name, {"before": values_of(one, asked)})
    for missing in dict.fromkeys(one for one in ids if one not in seen):
        yield Wanted(None, str(missing), dict(asked), refusal=NotFound(what="subscription", id=missing))


def _subject(row: JobRow) -> UUID:
    if row.subject_id is None:
        raise NotFound(what="subscription", id=row.subject)
    return row.subject_id


def _reason(row: JobRow) -> str:
    return str(row.job.asked.get("reason", ""))


def _money(preview: Preview | None) -> dict[str, Any]:
    if preview is None:
        return {}
    shown: dict[str, Any] = {"due_today": _as_json(preview.due_today)}
    if preview.next_charge is not None:
        shown["next_charge"] = {"on": preview.next_charge[0].isoformat(), **_as_json(preview.next_charge[1])}
    if preview.exit_deadline is not None:
        shown["exit_deadline"] = preview.exit_deadline.isoformat()
    return shown


def _as_json(money: Money) -> dict[str, str]:
    return {"amount": str(money.amount), "currency": money.currency}


def _due_today(plan: Mapping[str, Any]) -> Money | None:
    due = plan.get("due_today")
    return Money(Decimal(due["amount"]), due["currency"]) if due else None


def _due_words(due: Money) -> str:
    if due.amount < 0:
        return _("{amount} credited today").format(amount=money_words(Money(-due.amount, due.currency)))
    if due.amount > 0:
        return _("{amount} charged today").format(amount=money_words(due))
    return _("Nothing is charged or credited today")


def _totals(charged: Mapping[str, Money], credited: Mapping[str, Money]) -> list[str]:
    sums = [each for each in [*charged.values(), *credited.values()] if each.amount]
    return [" · ".join(_due_words(each) for each in sums)] if sums else []


def _price_notes(plan: Mapping[str, Any]) -> list[str]:
    due, following, until = _due_today(plan), plan.get("next_charge"), plan.get("exit_deadline")
    notes = [_due_words(due)] if due is not None else []
    if following:
        amount = money_words(Money(Decimal(following["amount"]), following["currency"]))
        on = day_text(date.fromisoformat(following["on"]))
        notes.append(_("Next charge {amount} on {day}").format(amount=amount, day=on))
    if until:
        notes.append(
            _("What is bought can be given back until {until}").format(until=absolute(datetime.fromisoformat(until)))
        )
    return notes


def _notes(row: JobRow) -> list[str]:
    """What came of a row that was done and is not final yet."""
    if "held_until" not in row.result:
        return []
    if not row.result["held_until"]:
        return [_("Sent to the publisher, who decides.")]
    until = absolute(datetime.fromisoformat(row.result["held_until"]))
    return [_("Held until {until}: until then it can be undone on the subscription's page.").format(until=until)]


def _word(act: Act, value: Any, *, new: bool = False) -> str:
    if act == Act.AUTO_RENEW and value is not None:
        return _("On") if value else _("Off")
    if act == Act.POLL:
        return str(ASKED) if new else "–"
    if act == Act.CANCEL:
        return next((str(word) for status, word in STATUS.items() if status == value), _("Ended") if new else "–")
    return "–" if value in (None, "") else str(value)
