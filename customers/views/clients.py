"""API clients: the programs that may use the API, their secrets, and which customers they see.

A secret is shown on the page that made it, and never again.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.middleware import actor_of
from accounts.models import Client
from accounts.policy import Role
from accounts.proofs import confirm_first, confirm_sending
from accounts.selectors import api_client_for, api_clients
from accounts.services.clients import create_api_client, revoke_client, revoke_client_secret, rotate_secret, set_scope
from customers.client_forms import ClientForm, RotationForm, ScopeForm, scope_shown
from customers.models import Customer
from customers.views.acting import refusal_of, status_after
from partnerhub.clock import now
from partnerhub.web.pages import keyset_page
from partnerhub.web.templatetags.hub import absolute, role_name

LISTED = 50


@require_safe
@login_required
def clients(request: HttpRequest) -> HttpResponse:
    """All API clients, by name."""
    page = keyset_page(api_clients(actor_of(request)), ("name", "id"), request.GET)
    context = {
        "rows": [{"client": client, "scope": scope_words(client.customers)} for client in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }
    return render(request, "accounts/clients.html", context)


@require_safe
@login_required
def client(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """One API client with its secrets, and the customers it sees."""
    found, at = api_client_for(actor_of(request), client_id), now()
    context = _about(found) | {
        "facts": _facts(found),
        "secrets": _secrets(found, at),
        "customers": Customer.objects.filter(pk__in=found.customers or []).order_by("name", "id")[:LISTED],
        "rotation": RotationForm(),
    }
    return render(request, "accounts/client.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_first
def new(request: HttpRequest) -> HttpResponse:
    """Create a program; its secret is shown once."""
    actor = actor_of(request)
    api_clients(actor)
    form = ClientForm(request.POST.dict() if request.method == "POST" else None, actor=actor)
    if request.method != "POST" or not form.is_valid():
        return _form_page(request, form, None, 422 if form.is_bound else 200)
    given = form.cleaned_data
    made: list[Any] = []

    def create() -> None:
        role, tenant = Role(given["role"]), UUID(settings.HUB_TENANT_ID)
        made.extend(
            create_api_client(
                actor, name=given["name"], role=role, tenant_id=tenant, customers=given["customers"], at=now()
            )
        )

    refusal = refusal_of(request, form, create)
    if refusal is not None:
        return _form_page(request, form, None, status_after(refusal))
    return _secret_page(request, made[0], made[1], _("The API client is made"))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_sending
def scope(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """Choose which customers a program sees."""
    actor = actor_of(request)
    found = api_client_for(actor, client_id)
    if request.method != "POST":
        return _form_page(request, ScopeForm(initial=scope_shown(found.customers), actor=actor), found, 200)
    form = ScopeForm(request.POST.dict(), actor=actor)
    if not form.is_valid():
        return _form_page(request, form, found, 422)
    set_scope(actor, client_id, form.cleaned_data["customers"], at=now())
    messages.success(request, _("{program} is saved.").format(program=found.name))
    return redirect("client", client_id)


@require_POST
@login_required
@confirm_first
def rotate(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """Make a new secret, and let those there are end when it says."""
    actor = actor_of(request)
    found, form = api_client_for(actor, client_id), RotationForm(request.POST)
    if not found.is_active or not form.is_valid():
        return redirect("client", client_id)
    secret = rotate_secret(actor, client_id, overlap=form.duration(), at=now())
    return _secret_page(request, found, secret, _("A new secret is made"))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def revoke(request: HttpRequest, client_id: UUID, secret_id: int | None = None) -> HttpResponse:
    """End a program for good, or one of its secrets, after a look at what that means."""
    actor, at = actor_of(request), now()
    found = api_client_for(actor, client_id)
    secret = found.secrets.filter(pk=secret_id).first() if secret_id else None
    if request.method != "POST":
        return render(
            request, "accounts/client_revoke.html", _about(found) | {"secret": secret, "crumbs": _crumbs(found)}
        )
    if secret_id:
        ended = revoke_client_secret(actor, client_id, secret_id, at=at)
        messages.success(request, _("The secret {hint}… is revoked.").format(hint=ended.hint))
    else:
        revoke_client(actor, client_id, at=at)
        messages.success(request, _("{program} is revoked.").format(program=found.name))
    return redirect("client", client_id)


def _about(found: Client) -> dict[str, Any]:
    return {"client": found, "crumbs": _crumbs(None)}


def _crumbs(found: Client | None) -> list[dict[str, str]]:
    crumbs = [{"url": reverse("clients"), "label": _("API clients")}]
    return [*crumbs, {"url": reverse("client", args=[found.pk]), "label": found.name}] if found else crumbs


def _facts(found: Client) -> list[dict[str, Any]]:
    used = found.last_used_at
    return [
        {"term": _("Tenant ID"), "value": found.tenant_id, "copyable": True},
        {"term": _("App (client) ID"), "value": found.pk, "copyable": True},
        {"term": _("Role"), "value": role_name(found.role)},
        {"term": _("Customers"), "value": scope_words(found.customers)},
        {"term": _("Made"), "value": absolute(found.created_at)},
        {"term": _("Last used"), "value": absolute(used) if used else _("not yet")},
    ]


def scope_words(customers: list[UUID] | None) -> str:
    """Which customers a program or a person sees."""
    if customers is None:
        return _("all customers")
    count = len(customers)
    return ngettext("%(n)d customer", "%(n)d customers", count) % {"n": count}


def _secrets(found: Client, at: datetime) -> list[dict[str, Any]]:
    newest = found.secrets.order_by("-created_at", "-pk")[:LISTED]
    return [{"secret": secret, "is_valid": secret.is_valid(at)} for secret in newest]


def _form_page(request: HttpRequest, form: ScopeForm, found: Client | None, status: int) -> HttpResponse:
    context = {
        "title": _("Customers of {program}").format(program=found.name) if found else _("Make an API client"),
        "submit": _("Save") if found else _("Make the API client"),
        "form": form,
        "crumbs": _crumbs(found),
        "back_url": reverse("client", args=[found.pk]) if found else reverse("clients"),
    }
    return render(request, "accounts/client_form.html", context, status=status)


def _secret_page(request: HttpRequest, found: Client, secret: str, title: str) -> HttpResponse:
    """The one page that shows a secret."""
    context = {
        "title": title,
        "crumbs": _crumbs(found),
        "back_url": reverse("client", args=[found.pk]),
        "credentials": [
            {"term": _("Tenant ID"), "value": found.tenant_id, "copyable": True},
            {"term": _("App (client) ID"), "value": found.pk, "copyable": True},
            {"term": _("Client secret"), "value": secret, "copyable": True},
        ],
    }
    response = render(request, "accounts/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response
