"""One's own way to sign in: the password, the authenticator app, passkeys and recovery codes."""

import json
from urllib.parse import quote

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal import flows as recovery
from allauth.mfa.totp.internal import flows as app_flows
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.mfa.webauthn.internal import flows as passkey_flows
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.events import RecoveryCodesMade, SecondFactorAdded, SecondFactorRemoved
from accounts.middleware import actor_of
from accounts.models import User
from accounts.proofs import confirm_first, lacks_second_factor, needs_second_factor, note_proof
from accounts.services.sign_ins import note_second_factor
from accounts.sign_in_forms import AppForm
from accounts.views import waiting
from partnerhub.clock import now
from partnerhub.errors import LastSecondFactor, NotFound

LONGEST_NAME = 80
Kind = Authenticator.Type


@require_safe
@login_required
def security(request: HttpRequest) -> HttpResponse:
    """What one signs in with."""
    user = _user(request)
    found = list(Authenticator.objects.filter(user_id=user.pk).order_by("created_at"))
    codes = next((one.wrap() for one in found if one.type == Kind.RECOVERY_CODES), None)
    context = {
        "app": next((one for one in found if one.type == Kind.TOTP), None),
        "passkeys": [{"name": one.wrap().name, "factor": one} for one in found if one.type == Kind.WEBAUTHN],
        "codes_left": len(codes.get_unused_codes()) if codes else None,
        "has_password": user.has_usable_password(),
        "is_needed": needs_second_factor(actor_of(request)),
        "is_lacking": lacks_second_factor(request, actor_of(request)),
    }
    return render(request, "accounts/security.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_first
def add_app(request: HttpRequest) -> HttpResponse:
    """Add an authenticator app: show its secret, and take its first code."""
    user = _user(request)
    if Authenticator.objects.filter(user_id=user.pk, type=Kind.TOTP).exists():
        return redirect("mfa_index")
    form = AppForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_bound and form.is_valid():
        with transaction.atomic():
            _factor, codes = app_flows.activate_totp(request, form)
            note_second_factor(user.pk, SecondFactorAdded, kind=Kind.TOTP.value, at=now())
        return _added(request, with_codes=bool(codes))
    return waiting(_app_page(request, user, form), form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_first
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey, which serves as second factor and signs in without a password."""
    user = _user(request)
    given = request.POST.copy()
    given["name"] = given.get("name", "").replace("\x00", "").strip()[:LONGEST_NAME]
    form = AddWebAuthnForm(given if request.method == "POST" else None, user=user)
    if form.is_bound and _is_valid(form):
        name = form.cleaned_data["name"]
        with transaction.atomic():
            _factor, codes = passkey_flows.add_authenticator(request, name, form.cleaned_data["credential"])
            note_second_factor(user.pk, SecondFactorAdded, kind=Kind.WEBAUTHN.value, name=name, at=now())
        return _added(request, with_codes=bool(codes))
    context = {
        "options": json.dumps(passkey_flows.begin_registration(request, user, True)),
        "name": given["name"] or form["name"].initial,
        "failed": form.is_bound,
    }
    return render(request, "accounts/add_passkey.html", context, status=422 if form.is_bound else 200)


@require_POST
@login_required
@confirm_first
def remove_factor(request: HttpRequest, factor_id: int) -> HttpResponse:
    """Remove the authenticator app or a passkey; recovery codes go with the last of them."""
    user, at = _user(request), now()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        factors = Authenticator.objects.filter(user_id=user.pk).exclude(type=Kind.RECOVERY_CODES)
        found = next((one for one in factors if one.pk == factor_id), None)
        if found is None:
            raise NotFound(what="second factor", id=factor_id)
        if len(factors) == 1 and needs_second_factor(actor_of(request)):
            raise LastSecondFactor
        name = found.wrap().name if found.type == Kind.WEBAUTHN else ""
        _remove(request, found)
        note_second_factor(user.pk, SecondFactorRemoved, kind=found.type, name=name, at=at)
    messages.success(request, _("The second factor is removed."))
    return redirect("mfa_index")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_first
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Show recovery codes once; POST makes new ones."""
    user = _user(request)
    if request.method == "POST":
        if not recovery.can_generate_recovery_codes(user):
            return redirect("mfa_index")
        with transaction.atomic():
            recovery.generate_recovery_codes(request)
            note_second_factor(user.pk, RecoveryCodesMade, at=now())
        return redirect("mfa_view_recovery_codes")
    codes, may_see = recovery.view_recovery_codes(request)
    if codes is None:
        return redirect("mfa_index")
    shown = codes.get_unused_codes() if may_see else []
    return render(request, "accounts/recovery_codes.html", {"codes": shown})


def _user(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionError("this view must require sign-in")
    return request.user


def _added(request: HttpRequest, *, with_codes: bool) -> HttpResponse:
    note_proof(request, second_factor=True)
    messages.success(request, _("The second factor is added. From now on you are asked for it when you sign in."))
    return redirect("mfa_view_recovery_codes" if with_codes else "mfa_index")


def _app_page(request: HttpRequest, user: User, form: AppForm) -> HttpResponse:
    adapter = get_adapter()
    svg = adapter.build_totp_svg(adapter.build_totp_url(user, form.secret))
    context = {"form": form, "secret": form.secret, "picture": f"data:image/svg+xml,{quote(svg)}"}
    return render(request, "accounts/add_app.html", context, status=422 if form.is_bound else 200)


def _is_valid(form: AddWebAuthnForm) -> bool:
    try:
        return bool(form.is_valid())
    except (ValueError, KeyError, TypeError):  # a credential that no browser makes
        return False


def _remove(request: HttpRequest, factor: Authenticator) -> None:
    if factor.type == Kind.TOTP:
        app_flows.deactivate_totp(request, factor)
    else:
        passkey_flows.remove_authenticator(request, factor)
