"""Agents: who signs in, in which roles, who is invited, and whom the hub lets in no more. For platform admins."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.middleware import actor_of
from accounts.models import User
from accounts.policy import AGENT_ROLES, Actor
from accounts.proofs import confirm_sending
from accounts.selectors import agent_for, agents, invitations
from accounts.services.invitations import invite, revoke_invitation, send_again
from accounts.services.people import change_agent, deactivate, reactivate
from accounts.services.sessions import end_sessions_of
from accounts.session_views import session_rows
from customers.agent_forms import AgentFields, AgentForm, InvitationForm, ReasonForm, agent_values
from customers.models import Customer
from customers.views.acting import refusal_of, status_after
from customers.views.clients import LISTED, scope_words
from partnerhub.clock import now
from partnerhub.errors import HubError, StaleVersion
from partnerhub.web.pages import capped_count, keyset_page
from partnerhub.web.templatetags.hub import absolute, role_name

LONGEST_SEARCH = 200


@require_safe
@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """All agents by name, narrowed by name or e-mail, role, and whether they are let in."""
    actor = actor_of(request)
    query, role = request.GET.get("q", "").strip()[:LONGEST_SEARCH], request.GET.get("role", "")
    state = request.GET.get("state", "")
    page = keyset_page(_found(agents(actor), query, role, state), ("name", "id"), request.GET)
    context = {
        "rows": [_row(user) for user in page.rows],
        "query": query,
        "roles": [{"code": one.value, "name": role_name(one), "chosen": one == role} for one in AGENT_ROLES],
        "states": [
            {"code": code, "name": name, "chosen": code == state}
            for code, name in (("active", _("Active")), ("deactivated", _("Deactivated")))
        ],
        "is_narrowed": bool(query or role or state),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "tabs": _tabs(actor, "agents"),
    }
    return render(request, "accounts/agents.html", context)


@require_safe
@login_required
def invited(request: HttpRequest) -> HttpResponse:
    """Those who are invited and have not answered."""
    actor, at = actor_of(request), now()
    page = keyset_page(invitations(actor), ("-sent_at", "-id"), request.GET)
    context = {
        "rows": [{"invitation": one, "is_open": one.is_open(at), "roles": _role_words(one.roles)} for one in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "tabs": _tabs(actor, "invitations"),
    }
    return render(request, "accounts/invitations.html", context)


@require_safe
@login_required
def agent(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """One agent: roles, customers, and where they are signed in."""
    found, at = agent_for(actor_of(request), user_id), now()
    context = {
        "agent": found,
        "crumbs": _crumbs(None),
        "facts": _facts(found, at),
        "sessions": session_rows(found, at, own_key=request.session.session_key),
        "customers": Customer.objects.filter(pk__in=found.customers or []).order_by("name", "id")[:LISTED],
        "activity_url": f"{reverse('activity:list')}?{urlencode({'who': str(found.pk)})}",
    }
    return render(request, "accounts/agent.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_sending
def invite_agent(request: HttpRequest) -> HttpResponse:
    """Write to somebody who is to be an agent."""
    actor = actor_of(request)
    agents(actor)
    form = InvitationForm(request.POST.dict() if request.method == "POST" else None, actor=actor)
    if request.method != "POST":
        return _form_page(request, form, None, 200)
    refusal = None
    if form.is_valid():
        email = form.cleaned_data["email"]
        refusal = refusal_of(request, form, lambda: invite(actor, form.profile(), email=email, at=now()))
    if form.errors:
        return _form_page(request, form, None, status_after(refusal))
    messages.success(request, _("The invitation is on its way to {email}.").format(email=form.cleaned_data["email"]))
    return redirect("agents:invitations")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_sending
def edit(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """Change an agent; two people who do it at once see each other's values."""
    actor = actor_of(request)
    found = agent_for(actor, user_id)
    if request.method != "POST":
        return _form_page(request, AgentForm.shown(agent_values(found), found.version, actor=actor), found, 200)
    form = AgentForm(request.POST.dict(), actor=actor)
    refusal = None
    if form.is_valid():
        version = form.cleaned_data["version"]
        refusal = refusal_of(
            request, form, lambda: change_agent(actor, user_id, form.profile(), version=version, at=now())
        )
    if form.errors:
        return _refused_edit(request, user_id, form, refusal)
    messages.success(request, _("{agent} is saved.").format(agent=form.cleaned_data["name"]))
    return redirect("agents:detail", user_id)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_sending
def activation(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """Let an agent in no more, or again, with a reason."""
    actor = actor_of(request)
    found = agent_for(actor, user_id)
    ends = request.POST.get("act") != "reactivate" if request.method == "POST" else found.is_active
    form = ReasonForm(request.POST.dict() if request.method == "POST" else None)
    refusal = None
    if form.is_bound and form.is_valid():
        act, reason = deactivate if ends else reactivate, form.cleaned_data["reason"]
        refusal = refusal_of(request, form, lambda: act(actor, user_id, reason=reason, at=now()))
    if not form.is_bound or form.errors:
        context = {"agent": found, "form": form, "ends": ends, "crumbs": _crumbs(found)}
        return render(
            request, "accounts/agent_activation.html", context, status=status_after(refusal) if form.errors else 200
        )
    done = _("{agent} is deactivated.") if ends else _("{agent} is let in again.")
    messages.success(request, done.format(agent=found.name))
    return redirect("agents:detail", user_id)


@require_POST
@login_required
def end_sessions(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """End all sessions of an agent now."""
    ended = end_sessions_of(actor_of(request), user_id, at=now())
    messages.success(request, ngettext("%(n)d session ended.", "%(n)d sessions ended.", ended) % {"n": ended})
    return redirect("agents:detail", user_id)


@require_POST
@login_required
@confirm_sending
def invitation_again(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Send a fresh link to somebody who is invited."""
    sent = send_again(actor_of(request), invitation_id, at=now())
    messages.success(request, _("The invitation is on its way to {email}.").format(email=sent.email))
    return redirect("agents:invitations")


@require_POST
@login_required
def invitation_revoke(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    """Let an invitation work no more."""
    revoked = revoke_invitation(actor_of(request), invitation_id, at=now())
    messages.success(request, _("The invitation of {email} is revoked.").format(email=revoked.email))
    return redirect("agents:invitations")


def _found(people: QuerySet[User], query: str, role: str, state: str) -> QuerySet[User]:
    if query:
        people = people.filter(Q(name__icontains=query) | Q(email__icontains=query))
    if role:
        people = people.filter(roles_held__role=role)
    return people.filter(is_active=state == "active") if state in ("active", "deactivated") else people


def _row(user: User) -> dict[str, Any]:
    held = {held.role for held in user.roles_held.all()}
    return {"user": user, "roles": _role_words(held), "scope": scope_words(user.customers)}


def _role_words(roles: Any) -> str:
    return ", ".join(role_name(role) for role in AGENT_ROLES if role in roles)


def _tabs(actor: Actor, current: str) -> list[dict[str, Any]]:
    waiting = capped_count(invitations(actor))
    return [
        {"url": reverse("agents:list"), "label": _("Agents"), "current": current == "agents"},
        {
            "url": reverse("agents:invitations"),
            "label": _("Invitations"),
            "count": waiting,
            "current": current == "invitations",
        },
    ]


def _crumbs(found: User | None) -> list[dict[str, str]]:
    crumbs = [{"url": reverse("agents:list"), "label": _("Agents")}]
    return [*crumbs, {"url": reverse("agents:detail", args=[found.pk]), "label": found.name}] if found else crumbs


def _facts(found: User, at: datetime) -> list[dict[str, Any]]:
    tokens = found.personal_tokens.filter(revoked_at=None, expires_at__gt=at).count()
    languages = {"en": _("English"), "pl": _("Polish")}
    return [
        {"term": _("E-mail"), "value": found.email, "copyable": True},
        {"term": _("Roles"), "value": _role_words({held.role for held in found.roles_held.all()})},
        {"term": _("Acts as"), "value": role_name(found.active_role)},
        {"term": _("Customers"), "value": scope_words(found.customers)},
        {"term": _("Language"), "value": languages.get(found.language, _("not chosen"))},
        {"term": _("Second factor"), "value": _("Yes") if getattr(found, "has_second_factor", False) else _("No")},
        {"term": _("Valid personal tokens"), "value": tokens},
        {"term": _("Last sign-in"), "value": absolute(found.last_login) if found.last_login else _("not yet")},
    ]


def _refused_edit(request: HttpRequest, user_id: UUID, form: AgentForm, refusal: HubError | None) -> HttpResponse:
    found = agent_for(actor_of(request), user_id)
    if isinstance(refusal, StaleVersion):
        form.compare(agent_values(found), found.version)
    return _form_page(request, form, found, status_after(refusal))


def _form_page(request: HttpRequest, form: AgentFields, found: User | None, status: int) -> HttpResponse:
    who = [form[name] for name in ("email", "name", "language") if name in form.fields]
    context = {
        "title": _("Edit {agent}").format(agent=found.name) if found else _("Invite an agent"),
        "submit": _("Save the agent") if found else _("Send the invitation"),
        "form": form,
        "who": who,
        "roles": [form[role.value] for role in AGENT_ROLES],
        "scope": [form["scope"], form["customers"]],
        "crumbs": _crumbs(found),
        "back_url": reverse("agents:detail", args=[found.pk]) if found else reverse("agents:list"),
    }
    return render(request, "accounts/agent_form.html", context, status=status)
