"""Working many rows of the queue at once, as a job: all that a filter leaves, taken, released or put aside."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.policy import Action, Actor, authorize
from customers.selectors import customers_visible_to
from partnerhub.errors import AttentionSettled, InvalidInput
from partnerhub.jobs.enums import LEFT_ROWS
from partnerhub.jobs.kinds import Now, Planned, Telling, register
from partnerhub.jobs.models import Job, JobRow
from partnerhub.jobs.services import MOST_ROWS, Order, Wanted, create_job
from partnerhub.web.templatetags.hub import absolute
from subscriptions.attending import attention_visible_to, items_of, one_each
from subscriptions.models import AttentionItem
from subscriptions.queue_filter import QueueFilter
from subscriptions.selectors import subscriptions_visible_to
from subscriptions.services.triage import assign, snooze

TAKE, RELEASE, SNOOZE = "take", "release", "snooze"


class QueueWork:
    """The kind of job that works rows of the queue; its `asked` names the act, and until when they are put aside."""

    name = "subscriptions.queue"

    def authorize(self, actor: Actor, job: Job) -> None:
        authorize(actor, Action.ATTENTION_TRIAGE)

    def plan(self, actor: Actor, row: JobRow, *, at: datetime) -> Planned:
        if not items_of(actor, [row.asked["key"]], at):
            raise AttentionSettled
        return Planned()

    def apply(self, actor: Actor, row: JobRow, *, at: datetime) -> dict[str, Any]:
        items, asked = items_of(actor, [row.asked["key"]], at), row.job.asked
        if asked["act"] == SNOOZE:
            snooze(actor, items, until=_until(asked), at=at)
        else:
            assign(actor, items, to=UUID(actor.id) if asked["act"] == TAKE else None, at=at)
        return {}

    def phrase(self, job: Job) -> str:
        return ""

    def title(self, job: Job) -> str:
        return {
            TAKE: _("Take what must be acted on"),
            RELEASE: _("Release what must be acted on"),
            SNOOZE: _("Put aside what must be acted on"),
        }[job.asked["act"]]

    def button(self, job: Job, rows: int) -> str:
        words = {
            TAKE: ngettext("Take %(n)d row", "Take %(n)d rows", rows),
            RELEASE: ngettext("Release %(n)d row", "Release %(n)d rows", rows),
            SNOOZE: ngettext("Put %(n)d row aside", "Put %(n)d rows aside", rows),
        }
        return words[job.asked["act"]] % {"n": rows}

    def is_final(self, job: Job) -> bool:
        return False

    def headings(self) -> tuple[str, str]:
        return _("Subscription"), _("Customer")

    def tell(self, row: JobRow) -> Telling:
        url = reverse("subscriptions:detail", args=[row.subject_id]) if row.subject_id else reverse("attention:queue")
        asked = row.job.asked
        if asked["act"] != SNOOZE:
            return Telling(url, [Now(_("Assignee"), "", row.job.actor_label if asked["act"] == TAKE else _("Nobody"))])
        until = _until(asked)
        return Telling(url, [Now(_("Put aside"), "", absolute(until) if until else _("until it changes"))])

    def summary(self, job: Job) -> Sequence[str]:
        return []

    def again(self, actor: Actor, job: Job, *, at: datetime) -> Job:
        left = job.rows.filter(status__in=LEFT_ROWS).order_by("number")
        rows = [Wanted(row.subject_id, row.subject, row.asked, row.owner) for row in left]
        return create_job(actor, Order(self, job.asked, rows), at=at)


QUEUE_WORK = QueueWork()
register(QUEUE_WORK)


def plan_matching(actor: Actor, matching: str, act: str, until: datetime | None, *, at: datetime) -> Job:
    """Plan the same for every row that a filter of the queue (its query string) leaves.

    Raises InvalidInput for a filter that cannot be read (it would leave more than was shown), and what `create_job`
    raises.
    """
    asked = {"act": act, "until": until.isoformat() if until else None, "matching": matching}
    items = matching_rows(actor, matching, at)
    return create_job(actor, Order(QUEUE_WORK, asked, _wanted(actor, items)), at=at)


def matching_rows(actor: Actor, matching: str, at: datetime) -> list[AttentionItem]:
    """The most urgent item of each row, one more than a job holds at most. Raises InvalidInput, NotPermitted."""
    filters = QueueFilter(QueryDict(matching), attention_visible_to(actor, at), actor=actor, at=at)
    if not filters.form.is_valid():
        raise InvalidInput(field="filter", problem=", ".join(filters.form.errors))
    return list(one_each(filters.qs).select_related("publisher")[: MOST_ROWS + 1])


def _wanted(actor: Actor, items: Iterable[AttentionItem]) -> Iterable[Wanted]:
    items = list(items)
    about = [item.subscription_id for item in items if item.subscription_id]
    names = dict(subscriptions_visible_to(actor).filter(pk__in=about).values_list("pk", "nickname"))
    buyers = {item.customer_id for item in items if item.customer_id}
    owners = dict(customers_visible_to(actor).filter(pk__in=buyers).values_list("pk", "name"))
    for item in items:
        subject = names.get(item.subscription_id) if item.subscription_id else item.publisher.name
        owner = owners.get(item.customer_id, "") if item.customer_id else ""
        yield Wanted(item.subscription_id, subject or "", {"key": str(item.subscription_id or item.pk)}, owner)


def _until(asked: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(asked["until"]) if asked["until"] else None
