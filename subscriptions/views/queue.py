"""Action required: the queue of what somebody must act on, one row a subscription, the most urgent first; live."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from partnerhub.clock import now
from partnerhub.web.export import Value, csv_response
from partnerhub.web.pages import CURSORS, PAGE_SIZE, Page, at_least, capped, page_among
from subscriptions.attending import attention_visible_to, one_each, read_again
from subscriptions.models import AttentionItem
from subscriptions.queue_filter import ME, NOBODY, QueueFilter
from subscriptions.ranking import FIRST_READ, MOST_READ, most_urgent, one_each_of
from subscriptions.views.addresses import EVERYTHING, address, chips, link
from subscriptions.views.lasting import Look
from subscriptions.views.permission import denial_of
from subscriptions.views.queue_rows import OfEach, QueueRow, facts_of, queue_rows, subjects_of
from subscriptions.views.saved_views import Saved, opening, views_of

PAGE = "attention"
# The parameters that the tabs set.
BY_TAB = ("assignee", "snoozed")


@dataclass(frozen=True, slots=True)
class _Read:
    """One page of the rows that are asked for, read from the database; `look` has noted it."""

    look: Look
    filters: QueueFilter
    page: Page[AttentionItem]
    count: str
    of_each: OfEach

    @classmethod
    def of(cls, request: HttpRequest, actor: Actor, look: Look) -> "_Read":
        def narrow(items: QuerySet[Any]) -> QuerySet[Any]:
            found: QuerySet[Any] = QueueFilter(request.GET, items, actor=actor, at=look.at).qs
            return found

        open_now = attention_visible_to(actor, look.at, look.reading.book)
        most = MOST_READ if any(request.GET.get(side) for side in CURSORS) else FIRST_READ
        read = most_urgent(actor, look.at, narrow, most, look.reading)
        places = one_each_of(read)
        place, previous_url, next_url = page_among([(one.rank, one.item) for one in places], request.GET)
        shown = {one.item: one.subscription for one in places[place]}
        rows, of_each = read_again(open_now.select_related("publisher"), shown)
        page, count = Page(list(rows.values()), previous_url, next_url), _counted(len(places), is_all=len(read) < most)
        filters = QueueFilter(request.GET, open_now, actor=actor, at=look.at)
        look.saw((count, previous_url, next_url, facts_of(page.rows)), subjects_of(page.rows))
        return cls(look, filters, page, count, of_each)


@require_safe
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    saved = Saved.of(actor_of(request), PAGE)
    if elsewhere := opening(request, saved):
        return HttpResponseRedirect(elsewhere)
    return render(request, "subscriptions/queue.html", queue_context(request, saved))


@require_safe
@login_required
def live(request: HttpRequest) -> HttpResponse:
    """The rows anew, with the page's title; 304 while they would look the same."""
    actor = actor_of(request)
    look = Look(PAGE, request, actor, now())
    if same := look.unchanged():
        return same
    read = _Read.of(request, actor, look)
    return look.unchanged() or render(request, "subscriptions/_queue_live.html", _rows_context(request, actor, read))


@require_safe
@login_required
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Every row that the filter leaves, as CSV in the reader's language."""
    actor, at = actor_of(request), now()
    filters = QueueFilter(request.GET, attention_visible_to(actor, at), actor=actor, at=at)
    items = list(one_each(filters.qs).select_related("publisher"))
    pages = (items[start : start + PAGE_SIZE] for start in range(0, len(items), PAGE_SIZE))
    rows = [_cells(row) for page in pages for row in queue_rows(actor, page, at)]
    return csv_response(f"{PAGE}-{localdate(at)}", _headings(), rows)


def queue_context(request: HttpRequest, saved: Saved) -> dict[str, Any]:
    """What the whole page shows."""
    actor = actor_of(request)
    read = _Read.of(request, actor, Look(PAGE, request, actor, now()))
    filters = read.filters
    return _rows_context(request, actor, read) | {
        "tabs": _tabs(request.GET),
        "chips": chips(request.GET, filters, BY_TAB),
        "kept": [(name, request.GET[name]) for name in ("view", *BY_TAB) if request.GET.get(name)],
        "matching": address(request.GET).removeprefix("?"),
        "views": views_of(request.GET, actor, saved) | {"all_label": _("The whole queue")},
    }


def _counted(rows: int, *, is_all: bool) -> str:
    return capped(rows) if is_all else at_least(rows) or "0"


def _rows_context(request: HttpRequest, actor: Actor, read: _Read) -> dict[str, Any]:
    return {
        "filter": read.filters,
        "etag": read.look.etag,
        "live_url": f"{reverse('attention:live')}?{request.GET.urlencode()}",
        "waiting_count": read.count,
        "rows": queue_rows(actor, read.page.rows, read.look.at, read.of_each),
        "previous_url": read.page.previous_url,
        "next_url": read.page.next_url,
        "may_triage": actor.may(Action.ATTENTION_TRIAGE),
        "triage_denied": denial_of(actor, Action.ATTENTION_TRIAGE),
        "may_note": actor.may(Action.SUBSCRIPTION_NOTE),
        "may_poll": actor.may(Action.SUBSCRIPTION_POLL) and actor.may(Action.SUBSCRIPTION_BULK),
        "everything_url": f"{reverse('attention:queue')}?view={EVERYTHING}",
    }


def _headings() -> list[str]:
    return [
        _("Subscription ID"), _("Subscription"), _("Customer"), _("Publisher"), _("Reason"), _("What is wrong"),
        _("Other reasons"), _("Owner"), _("Since"), _("Due"), _("At risk"), _("Currency"), _("Assignee"),
        _("Next step"),
    ]  # fmt: skip


def _cells(row: QueueRow) -> list[Value]:
    return [
        row.key,
        row.name,
        row.customer,
        row.publisher or row.title,
        row.cause,
        row.reason,
        ", ".join(row.chips),
        row.owner,
        row.since,
        row.due,
        row.at_risk.amount if row.at_risk else None,
        row.at_risk.currency if row.at_risk else None,
        row.assignee,
        row.step.label,
    ]


def _tabs(params: QueryDict) -> list[dict[str, Any]]:
    """Everybody's, mine, nobody's, and what is put aside."""
    named = [
        (_("All"), {"assignee": "", "snoozed": ""}),
        (_("Assigned to me"), {"assignee": ME, "snoozed": ""}),
        (_("Assigned to nobody"), {"assignee": NOBODY, "snoozed": ""}),
        (_("What is put aside"), {"assignee": "", "snoozed": "yes"}),
    ]
    now_shown = {name: params.get(name, "") for name in BY_TAB}
    return [{"label": label, "url": link(params, **asks), "current": asks == now_shown} for label, asks in named]
