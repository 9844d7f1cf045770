"""One's own personal tokens: make, see when each was last used, revoke. A token is shown once, when it is made."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import PersonalTokenForm
from accounts.middleware import actor_of
from accounts.policy import Role
from accounts.proofs import confirm_sending
from accounts.selectors import personal_tokens_of
from accounts.services.personal_tokens import make_token, revoke_token
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.web.refusals import refused, status_of
from partnerhub.web.templatetags.hub import absolute, role_name

SHOWN = 100


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_sending
def tokens(request: HttpRequest) -> HttpResponse:
    """The tokens that one has made, and a form for another."""
    actor, at = actor_of(request), now()
    if request.method != "POST":
        form = PersonalTokenForm(roles=actor.roles, initial={"role": actor.role.value})
        return _page(request, form, at, 200)
    form = PersonalTokenForm(request.POST.dict(), roles=actor.roles)
    if not form.is_valid():
        return _page(request, form, at, 422)
    given = form.cleaned_data
    expires_at = at + timedelta(days=int(given["days"]))
    try:
        token, text = make_token(actor, name=given["name"], role=Role(given["role"]), expires_at=expires_at, at=at)
    except HubError as refusal:
        refused(request, refusal)
        form.refuse(refusal)
        return _page(request, form, at, status_of(refusal))
    context = {
        "title": _("The personal token is made"),
        "crumbs": [{"url": reverse("accounts:tokens"), "label": _("Personal tokens")}],
        "back_url": reverse("accounts:tokens"),
        "credentials": [
            {"term": _("Personal token"), "value": text, "copyable": True},
            {"term": _("Role"), "value": role_name(token.role)},
            {"term": _("Ends"), "value": absolute(token.expires_at)},
        ],
    }
    response = render(request, "accounts/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@login_required
def revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """End one of one's own tokens now."""
    token = revoke_token(actor_of(request), token_id, at=now())
    messages.success(request, _("The personal token {name} is revoked.").format(name=token.name))
    return redirect("accounts:tokens")


def _page(request: HttpRequest, form: PersonalTokenForm, at: datetime, status: int) -> HttpResponse:
    found = personal_tokens_of(actor_of(request))[:SHOWN]
    rows = [{"token": token, "is_valid": token.is_valid(at)} for token in found]
    return render(request, "accounts/tokens.html", {"rows": rows, "form": form}, status=status)
