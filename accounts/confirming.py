"""“Is it still you?”: asked before secrets are made or shown, and before what cannot be taken back."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.socialaccount.models import SocialAccount
from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.middleware import actor_of
from accounts.models import User
from accounts.proofs import go_on, lacks_second_factor, note_proof
from accounts.sign_in_forms import PasskeyProofForm, PasswordProofForm, ProofCodeForm
from accounts.views import next_of, waiting

FORMS: dict[str, Callable[..., forms.Form]] = {
    "password": PasswordProofForm,
    "code": ProofCodeForm,
    "credential": PasskeyProofForm,
}


@dataclass(frozen=True, slots=True)
class Ways:
    """By which ways somebody can prove to be who they are."""

    password: bool
    code: bool
    passkey: bool
    directory: bool


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask who is signed in to prove it again, then go on where that was needed."""
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - login_required
    ways, asked = ways_of(request, user), next((name for name in FORMS if name in request.POST), "")
    if asked and not _is_open(ways, asked):
        asked = ""
    form = FORMS[asked](request.POST, user=user) if asked else None
    if form is not None and form.is_valid():
        _note(request, form, asked)
        return go_on(request, next_of(request))
    return _page(request, user, ways, form)


def ways_of(request: HttpRequest, user: User) -> Ways:
    """The ways that count: a password alone is none for who owes a second factor."""
    kinds = set(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
    factors = {Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES}
    lacking = lacks_second_factor(request, actor_of(request))
    return Ways(
        password=user.has_usable_password() and not lacking,
        code=not factors.isdisjoint(kinds),
        passkey=Authenticator.Type.WEBAUTHN in kinds,
        directory=bool(settings.HUB_SSO_ISSUER) and SocialAccount.objects.filter(user_id=user.pk).exists(),
    )


def _is_open(ways: Ways, asked: str) -> bool:
    return {"password": ways.password, "code": ways.code, "credential": ways.passkey}[asked]


def _note(request: HttpRequest, form: Any, asked: str) -> None:
    if asked == "password":
        reauthenticate_by_password(request)
    else:
        form.save()
    note_proof(request, second_factor=asked != "password")


def _page(request: HttpRequest, user: User, ways: Ways, form: forms.Form | None) -> HttpResponse:
    context = {
        "form": form,
        "ways": ways,
        "options": json.dumps(webauthn.begin_authentication(user)) if ways.passkey else "",
        "next": next_of(request),
        "sso_name": settings.HUB_SSO_NAME,
        "sso_id": settings.HUB_SSO_ID,
        "minutes": settings.HUB_CONFIRM_MINUTES,
    }
    response = render(request, "accounts/confirm.html", context, status=422 if form is not None else 200)
    return response if form is None else waiting(response, form)
