"""Who is told of what, and every delivery: a page for platform admins."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.middleware import actor_of
from partnerhub.clock import now
from partnerhub.errors import DeliveryUnderWay, HookRemovedMeanwhile
from partnerhub.hooks.models import Delivery, Registration
from partnerhub.hooks.selectors import deliveries_visible_to, delivery_for, registrations_visible_to
from partnerhub.hooks.services import send_again
from partnerhub.web.pages import keyset_page
from partnerhub.web.refusals import refused, sentence_of
from partnerhub.web.templatetags.hub import absolute

NEWEST_FIRST = ("-created_at", "-id")
STATES = {
    "waiting": ("wait", gettext_lazy("Waiting")),
    "retrying": ("attention", gettext_lazy("Trying again")),
    "delivered": ("ok", gettext_lazy("Delivered")),
    "parked": ("attention", gettext_lazy("Given up")),
}


@require_safe
@login_required
def hooks(request: HttpRequest) -> HttpResponse:
    """The registrations that stand, and all deliveries, newest first."""
    actor = actor_of(request)
    page = keyset_page(deliveries_visible_to(actor), NEWEST_FIRST, request.GET)
    context = {
        "crumbs": _crumbs(),
        "registrations": [_registration(one) for one in registrations_visible_to(actor)],
        "rows": [_row(one) for one in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }
    return render(request, "hooks/list.html", context)


@require_safe
@login_required
def delivery(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """One delivery: what is sent, and what every attempt brought."""
    found = delivery_for(actor_of(request), delivery_id)
    context = {
        "crumbs": [*_crumbs(), {"label": _("Webhooks"), "url": "/developers/hooks/"}],
        "row": _row(found),
        "facts": _facts(found),
        "payload": json.dumps(json.loads(found.body), indent=2, ensure_ascii=False),
        "tries": found.tries.all(),
        "may_send": found.next_attempt_at is None and found.registration.ended_at is None,
    }
    return render(request, "hooks/delivery.html", context)


@require_POST
@login_required
def again(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    """Try a delivery anew that is over; a worker does within seconds."""
    try:
        send_again(actor_of(request), delivery_id, at=now())
    except (DeliveryUnderWay, HookRemovedMeanwhile) as refusal:
        refused(request, refusal)
        messages.error(request, sentence_of(refusal))
    else:
        messages.success(request, _("It is sent again within seconds."))
    return redirect("hook", delivery_id)


def _crumbs() -> list[dict[str, str]]:
    return [{"label": _("Developers"), "url": "/developers/"}]


def _registration(one: Registration) -> dict[str, Any]:
    return {"client": one.client, "address": _address(one), "events": ", ".join(one.events), "since": one.created_at}


def _row(one: Delivery) -> dict[str, Any]:
    tone, word = STATES[_state(one)]
    return {"delivery": one, "client": one.registration.client, "tone": tone, "word": word}


def _state(one: Delivery) -> str:
    if one.delivered_at:
        return "delivered"
    if one.parked_at:
        return "parked"
    return "retrying" if one.attempts else "waiting"


def _facts(found: Delivery) -> list[dict[str, Any]]:
    return [
        {"term": _("API client"), "value": found.registration.client.name},
        {"term": _("Address"), "value": _address(found.registration)},
        {"term": _("Made"), "value": absolute(found.created_at)},
        {"term": _("Next attempt"), "value": absolute(found.next_attempt_at) if found.next_attempt_at else None},
        {"term": _("Delivery"), "value": str(found.pk), "copyable": True},
        {"term": _("Correlation id"), "value": found.correlation_id or None},
    ]


def _address(registration: Registration) -> str:
    """Where it is sent, without the part that may hold a secret."""
    return registration.url.partition("?")[0]
