"""What a person was told, and what the person wants to be told: one's own pages, nobody else's."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings as hub
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.middleware import actor_of
from partnerhub.clock import now
from partnerhub.errors import HubError, NotFound
from partnerhub.notifications.contents import target_url
from partnerhub.notifications.context import bell as bell_context
from partnerhub.notifications.enums import CLASSES, Kind, Topic
from partnerhub.notifications.forms import ChannelForm, SettingsForm
from partnerhub.notifications.models import Delivery, Notification
from partnerhub.notifications.selectors import channels_of, deliveries_of, notifications_of, person_of, unread
from partnerhub.notifications.services.channels import add_channel, remove_channel, try_channel
from partnerhub.notifications.services.preferences import choose, mark_read
from partnerhub.notifications.words import CLASS, KIND, sentence
from partnerhub.web.conditional import known_etag
from partnerhub.web.pages import keyset_page
from partnerhub.web.refusals import status_of

NEWEST_FIRST = ("-created_at", "-id")
DELIVERIES_SHOWN = 20
_CLASS_OF = {topic: CLASS[name] for name, topics in CLASSES.items() for topic in topics}
STATES = {
    "waiting": ("wait", gettext_lazy("Waiting")),
    "retrying": ("attention", gettext_lazy("Trying again")),
    "delivered": ("ok", gettext_lazy("Delivered")),
    "failed": ("attention", gettext_lazy("Given up")),
}


@require_safe
@login_required
def notifications(request: HttpRequest) -> HttpResponse:
    """What one was told, newest first; with `?unread` only what still matters and was not read."""
    actor = actor_of(request)
    is_unread = "unread" in request.GET
    told = unread(actor).select_related("sighting") if is_unread else notifications_of(actor)
    page = keyset_page(told, NEWEST_FIRST, request.GET)
    context = {
        "rows": [_row(one) for one in page.rows],
        "is_unread": is_unread,
        "tabs": [
            {"label": _("All"), "url": "?", "current": not is_unread},
            {"label": _("Unread"), "url": "?unread=1", "current": is_unread},
        ],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }
    return render(request, "notifications/list.html", context)


@require_safe
@login_required
def bell(request: HttpRequest) -> HttpResponse:
    """The bell, for a page that stays open: 304 while its count is the same."""
    context = bell_context(request)
    etag = f"{context['unread_count']}.{get_language()}"
    if known_etag(request) == etag:
        return HttpResponseNotModified()
    response = render(request, "components/bell.html", context)
    response["ETag"] = f'"{etag}"'
    response["Cache-Control"] = "private, no-cache"
    return response


@require_safe
@login_required
def look(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    """Go where a notification leads; it is read then."""
    actor = actor_of(request)
    found = notifications_of(actor).filter(pk=notification_id).first()
    if found is None:
        raise NotFound(what="notification", id=notification_id)
    mark_read(actor, found.pk, at=now())
    return redirect(target_url(found))


@require_POST
@login_required
def read(request: HttpRequest, notification_id: UUID) -> HttpResponse:
    mark_read(actor_of(request), notification_id, at=now())
    return redirect("notifications:list")


@require_POST
@login_required
def read_all(request: HttpRequest) -> HttpResponse:
    mark_read(actor_of(request), None, at=now())
    return redirect("notifications:list")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def settings(request: HttpRequest) -> HttpResponse:
    """One's wishes, channels, and what was sent of late."""
    actor = actor_of(request)
    person = person_of(actor)
    if request.method != "POST":
        return _settings_page(request, SettingsForm(person=person), ChannelForm(), 200)
    form = SettingsForm(request.POST.dict(), person=person)
    if not form.is_valid():
        return _settings_page(request, form, ChannelForm(), 422)
    choose(actor, form.chosen(), form.hows())
    messages.success(request, _("The notification settings are saved."))
    return redirect("notifications:settings")


@require_POST
@login_required
def add(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    form = ChannelForm(request.POST.dict())
    if not form.is_valid():
        return _settings_page(request, SettingsForm(person=person_of(actor)), form, 422)
    given = form.cleaned_data
    try:
        channel = add_channel(actor, kind=Kind(given["kind"]), name=given["name"], address=given["address"], at=now())
    except HubError as refusal:
        # Not kept on record as other refused acts are: what was typed is a secret.
        form.refuse(refusal)
        return _settings_page(request, SettingsForm(person=person_of(actor)), form, status_of(refusal))
    messages.success(request, _("{name} is added. Send a test to see that it works.").format(name=channel.name))
    return redirect("notifications:settings")


@require_POST
@login_required
def test(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    try_channel(actor_of(request), channel_id, at=now())
    messages.success(request, _("A test is sent within seconds; what becomes of it is shown below."))
    return redirect("notifications:settings")


@require_POST
@login_required
def remove(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    channel = remove_channel(actor_of(request), channel_id, at=now())
    messages.success(request, _("{name} is removed.").format(name=channel.name))
    return redirect("notifications:settings")


def _settings_page(request: HttpRequest, form: SettingsForm, channel_form: ChannelForm, status: int) -> HttpResponse:
    actor = actor_of(request)
    context = {
        "form": form,
        "channel_form": channel_form,
        "channels": [{"channel": one, "kind": KIND[Kind(one.kind)]} for one in channels_of(actor)],
        "deliveries": [_delivery(one) for one in deliveries_of(actor)[:DELIVERIES_SHOWN]],
        "mail_ready": hub.HUB_MAIL_READY,
    }
    response = render(request, "notifications/settings.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def _row(one: Notification) -> dict[str, Any]:
    is_over = one.sighting is not None and one.sighting.over_at is not None
    return {
        "notification": one,
        "sentence": sentence(one.topic, one.facts),
        "class": _CLASS_OF[Topic(one.topic)],
        "is_over": is_over,
        "is_unread": one.read_at is None and not is_over,
    }


def _delivery(one: Delivery) -> dict[str, Any]:
    tone, word = STATES[_state(one)]
    way = one.channel.name if one.channel else _("E-mail")
    return {"delivery": one, "way": way, "tone": tone, "word": word, "problem": _problem(one), "at": _at(one)}


def _state(one: Delivery) -> str:
    kept = one.message or one
    if _delivered_at(one) is not None:
        return "delivered"
    if kept.failed_at is not None:
        return "failed"
    return "retrying" if kept.attempts else "waiting"


def _delivered_at(one: Delivery) -> datetime | None:
    return one.message.sent_at if one.message else one.delivered_at


def _problem(one: Delivery) -> str:
    return one.message.last_error if one.message else one.last_error


def _at(one: Delivery) -> datetime:
    return _delivered_at(one) or one.created_at
