"""How a publisher is reached and as whom it signs in: taking one on, and changing that."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings as hub
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.denial import denial_of
from accounts.middleware import actor_of
from accounts.models import ClientSecret
from accounts.policy import Action, authorize
from accounts.proofs import confirm_first, confirm_sending
from partnerhub.clock import now
from partnerhub.errors import HubError, StaleVersion
from partnerhub.web.refusals import status_of
from publishers.forms import ConnectionForm, NewPublisherForm, connection_values
from publishers.fulfillment.webhooks import without_values
from publishers.models import Publisher
from publishers.selectors import publisher_for, version_of
from publishers.services.register import change_connection, create_publisher
from publishers.services.secrets import endings
from publishers.views.acting import acted
from publishers.views.secrets import secret_page
from publishers.words import adapter_words

SECRETS_SHOWN = 10


@require_safe
@login_required
def settings(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """How a publisher is reached, as whom it signs in, with which secrets, and what it sells."""
    actor, at = actor_of(request), now()
    publisher = publisher_for(actor, publisher_id)
    ending = endings([publisher], at).get(publisher.pk)
    context = {
        "publisher": publisher,
        "current": "settings",
        "connection": _connection(publisher),
        "identity": identity_facts(publisher),
        "secrets": _secrets(publisher, at),
        "ending": ending,
        "can_sign_in": ending is None or ending.ends_at > at,
        "offers": publisher.offers.filter(withdrawn_at=None).prefetch_related("plans").order_by("title", "id"),
        "manage_denied": denial_of(actor, Action.PUBLISHER_MANAGE),
    }
    return render(request, "publishers/settings.html", context)


def _connection(publisher: Publisher) -> list[dict[str, Any]]:
    return [
        {"term": _("How its confirmation reaches the hub"), "value": adapter_words(publisher.adapter)},
        {"term": _("Landing page"), "value": publisher.landing_url},
        {"term": _("Address of its fulfillment API"), "value": publisher.fulfillment_base_url or None},
        {"term": _("Webhook"), "value": without_values(publisher.webhook_url) or None},
        {"term": _("Contact e-mail"), "value": publisher.contact_email or None},
        {"term": _("Calls at a time"), "value": publisher.max_concurrency},
        {"term": _("Calls a second"), "value": publisher.max_per_second or _("no limit")},
    ]


def identity_facts(publisher: Publisher) -> list[dict[str, Any]]:
    """What the publisher's programs are configured with, all but the secret."""
    tenant = publisher.client.tenant_id
    return [
        {"term": _("Tenant ID"), "value": tenant, "copyable": True},
        {"term": _("App (client) ID"), "value": publisher.client_id, "copyable": True},
        {"term": _("Authority"), "value": f"{hub.HUB_BASE_URL}/{tenant}", "copyable": True},
        {"term": _("Address of the hub's API"), "value": f"{hub.HUB_BASE_URL}/api", "copyable": True},
    ]


def _secrets(publisher: Publisher, at: datetime) -> list[dict[str, Any]]:
    """The newest secrets with whether they hold."""
    newest: list[ClientSecret] = list(publisher.client.secrets.order_by("-created_at", "-pk")[:SECRETS_SHOWN])
    return [{"secret": secret, "is_valid": secret.is_valid(at)} for secret in newest]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_first
def new(request: HttpRequest) -> HttpResponse:
    """Take on a publisher. Its secret is on the page that answers, and nowhere else."""
    actor = actor_of(request)
    authorize(actor, Action.PUBLISHER_MANAGE)
    if request.method != "POST":
        return _new_page(request, NewPublisherForm(initial={"adapter": "saas_v2_poll"}), 200)
    form = NewPublisherForm(request.POST.dict())
    if not form.is_valid():
        return _new_page(request, form, 422)
    document = {**form.members(), "name": form.cleaned_data["name"], "offers": []}
    done = acted(request, form, lambda: create_publisher(actor, document, at=now()))
    if isinstance(done, HubError):
        return _new_page(request, form, status_of(done))
    return secret_page(request, done.publisher, done.client_secret or "", first=True)


def _new_page(request: HttpRequest, form: NewPublisherForm, status: int) -> HttpResponse:
    context = {
        "form": form,
        "title": _("Add a publisher"),
        "submit": _("Add the publisher"),
        "back_url": reverse("publishers"),
        "crumbs": [{"url": reverse("publishers"), "label": _("Publishers")}],
    }
    return render(request, "publishers/form.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_sending
def edit(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Change how a publisher is reached; two people who do it at once see each other's values."""
    actor = actor_of(request)
    authorize(actor, Action.PUBLISHER_MANAGE)
    publisher = publisher_for(actor, publisher_id)
    if request.method != "POST":
        form = ConnectionForm.shown(connection_values(publisher), version_of(publisher.pk))
        return _edit_page(request, publisher, form, 200)
    form = ConnectionForm(request.POST.dict())
    if not form.is_valid():
        return _edit_page(request, publisher, form, 422)
    seen = form.cleaned_data["version"]
    done = acted(request, form, lambda: change_connection(actor, publisher_id, form.members(), seen=seen, at=now()))
    if isinstance(done, HubError):
        publisher = publisher_for(actor, publisher_id)
        if isinstance(done, StaleVersion):
            form.compare(connection_values(publisher), version_of(publisher.pk))
        return _edit_page(request, publisher, form, status_of(done))
    if done.client_secret is not None:
        return secret_page(request, done.publisher, done.client_secret, first=False)
    messages.success(request, _("{publisher} is saved.").format(publisher=publisher.name))
    return redirect("publisher-settings", publisher_id)


def _edit_page(request: HttpRequest, publisher: Publisher, form: ConnectionForm, status: int) -> HttpResponse:
    back_url = reverse("publisher-settings", args=[publisher.pk])
    context = {
        "form": form,
        "title": _("Edit {publisher}").format(publisher=publisher.name),
        "submit": _("Save the publisher"),
        "back_url": back_url,
        "crumbs": [
            {"url": reverse("publishers"), "label": _("Publishers")},
            {"url": back_url, "label": publisher.name},
        ],
    }
    return render(request, "publishers/form.html", context, status=status)
