"""The audit's pages: everything that happened or was refused, filtered by the URL, and as a file."""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from partnerhub.outbox.models import Entry
from partnerhub.web.export import ROWS_A_CHUNK, Value, csv_response
from partnerhub.web.pages import CURSORS, keyset_page
from partnerhub.web.templatetags.hub import role_name
from subscriptions.activity import ActivityFilter, activity_visible_to
from subscriptions.views.listing import is_partial
from subscriptions.views.timeline import Happening, Subject, happenings, subjects_of

FIRST = ("who", "what", "role", "refused")
MORE = ("customer", "subscription", "kind", "since", "until", "request_id")


@require_safe
@login_required
def activity(request: HttpRequest) -> HttpResponse:
    """The audit across everything."""
    context = listed_activity(request, activity_visible_to(actor_of(request)))
    template = "activity/_results.html" if is_partial(request) else "activity/page.html"
    return render(request, template, context)


@require_safe
@login_required
def export(request: HttpRequest) -> HttpResponseBase:
    """What the filter leaves, all of it, as CSV."""
    entries = ActivityFilter(request.GET, queryset=activity_visible_to(actor_of(request))).qs
    return csv_response("activity", _headings(), _lines(entries, get_language() or "en"))


def listed_activity(request: HttpRequest, entries: QuerySet[Entry], customer: str = "") -> dict[str, Any]:
    """The filter of the query string, and the page of entries that it leaves; `customer` is the id of the one whose
    tab this is.
    """
    filters = ActivityFilter(request.GET, queryset=entries)
    page = keyset_page(filters.qs, ("-at", "-id"), request.GET)
    # Within one moment the order of a stream counts; the page's own order there is that of random ids.
    rows = sorted(page.rows, key=lambda entry: (entry.at, entry.sequence), reverse=True)
    kept = {name: value for name, value in request.GET.items() if value and name not in CURSORS}
    about = {"customer": customer} if customer else {}
    return {
        "filter": filters,
        **_fields(filters, without_customer=bool(customer)),
        "address": request.path,
        "events": happenings(rows, subjects_of(rows)),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "export_url": f"{reverse('activity:export')}?{urlencode(kept | about)}",
    }


def _fields(filters: ActivityFilter, *, without_customer: bool) -> dict[str, Any]:
    """The filters that are always shown, and those that open when asked for or when one of them is set."""
    more = [name for name in MORE if not (without_customer and name == "customer")]
    return {
        "fields": [filters.form[name] for name in FIRST],
        "more_fields": [filters.form[name] for name in more],
        "has_more": any(filters.form[name].value() for name in more),
    }


def _headings() -> list[str]:
    return [
        _("Time (UTC)"),
        _("Who"),
        _("Kind"),
        _("Role"),
        _("What"),
        _("About"),
        _("Sentence"),
        _("Reason"),
        _("Before and after"),
        _("Refused with"),
        _("Request id"),
        _("Correlation id"),
        _("Stream"),
        _("Stream id"),
        _("Entry id"),
    ]


def _lines(entries: QuerySet[Entry], language: str) -> Iterator[list[Value]]:
    """One line an entry, read in chunks; the answer is sent when the request's own language is gone already."""
    left = entries.iterator(chunk_size=ROWS_A_CHUNK)
    while chunk := list(islice(left, ROWS_A_CHUNK)):
        with override(language):
            lines = [_line(*pair) for pair in zip(chunk, happenings(chunk, subjects_of(chunk)), strict=True)]
        yield from lines


def _line(entry: Entry, shown: Happening) -> list[Value]:
    changes = [f"{change.label}: {change.before} → {change.after}" for change in shown.changes]
    asked = [f"{name}: {value}" for name, value in shown.asked]
    return [
        entry.at,
        entry.actor_label,
        entry.actor_kind,
        role_name(entry.actor_role),
        entry.name,
        (shown.subject or Subject("")).name,
        shown.sentence,
        shown.note or entry.reason,
        "; ".join(changes or asked),
        entry.code,
        entry.request_id,
        entry.correlation_id,
        entry.stream_type,
        str(entry.stream_id or ""),
        str(entry.pk),
    ]
