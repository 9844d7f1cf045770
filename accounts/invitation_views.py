"""The page that an invitation leads to. Its address is the only key to it, and a secret."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.invitation_forms import NewPasswordForm
from accounts.models import Invitation, User
from accounts.policy import AGENT_ROLES
from accounts.proofs import note_proof
from accounts.services.invitations import accept, open_invitation
from accounts.services.sign_ins import note_sign_in
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, InvitationGone
from partnerhub.web.templatetags.hub import role_name


@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Choose a password, and be signed in. 410 for a link that does not work, whatever the cause."""
    try:
        found = open_invitation(token, now())
        with translation.override(found.language):
            response = _answered(request, token, found)
    except InvitationGone:
        response = render(request, "accounts/invitation_gone.html", status=410)
    response["Cache-Control"] = "no-store"
    return response


def _answered(request: HttpRequest, token: str, found: Invitation) -> HttpResponse:
    form = NewPasswordForm(User(email=found.email, name=found.name), request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, found, form, 422 if form.is_bound else 200)
    try:
        user = accept(token, password=form.cleaned_data["password"], at=now())
    except InvalidInput as refusal:
        form.refuse(refusal)
        return _page(request, found, form, 422)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    note_proof(request, second_factor=False)
    note_sign_in(user.pk, ["password"], at=now())
    messages.success(request, _("Welcome to Partner Hub, {name}.").format(name=user.name))
    return redirect(settings.LOGIN_REDIRECT_URL)


def _page(request: HttpRequest, found: Invitation, form: NewPasswordForm, status: int) -> HttpResponse:
    roles = ", ".join(role_name(role) for role in AGENT_ROLES if role in found.roles)
    context: dict[str, Any] = {"invitation": found, "roles": roles, "form": form}
    return render(request, "accounts/invitation.html", context, status=status)
