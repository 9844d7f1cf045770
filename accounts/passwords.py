"""One's own password: changing it, and choosing a new one by a mailed link when it is forgotten."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import ForgottenForm
from accounts.guesses import address_of, note_failure, seconds_to_wait
from accounts.models import User
from accounts.services.sign_ins import ask_for_reset, set_password
from accounts.sign_in_forms import ChangeForm
from accounts.views import waiting
from partnerhub.clock import now


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change(request: HttpRequest) -> HttpResponse:
    """Choose another password, knowing the present one; all other sessions end."""
    user = request.user
    if not isinstance(user, User) or not user.has_usable_password():
        return redirect("mfa_index")
    form = ChangeForm(user, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        key = request.session.session_key
        changed = set_password(user.pk, form.cleaned_data["new_password1"], by="own", keep=key, at=now())
        update_session_auth_hash(request, changed)
        messages.success(request, _("The password is changed. All your other sessions were ended."))
        return redirect("mfa_index")
    page = render(request, "accounts/password.html", {"form": form}, status=422 if form.is_bound else 200)
    return waiting(page, form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Have a link mailed; the answer is the same whether there is such an account or not."""
    form = ForgottenForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        address, account = address_of(request), f"reset:{form.cleaned_data['email']}"
        if not seconds_to_wait(address, account):
            note_failure(address, account)
            ask_for_reset(form.cleaned_data["email"], at=now())
        return redirect("account_reset_password_done")
    return render(request, "accounts/forgotten.html", {"form": form}, status=422 if form.is_bound else 200)


@require_safe
def link_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/forgotten_sent.html")


class Reset(PasswordResetConfirmView):
    """Behind the mailed link: the token is taken out of the address at once, then a password is chosen."""

    template_name = "accounts/reset.html"
    reset_url_token = "choose"  # noqa: S105 - stands in the address instead of the token

    def get_user(self, uidb64: str) -> User | None:
        found = super().get_user(uidb64)
        return found if isinstance(found, User) and found.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        set_password(form.user.pk, form.cleaned_data["new_password1"], by="reset", at=now())
        del self.request.session[INTERNAL_RESET_SESSION_TOKEN]
        messages.success(self.request, _("The password is changed. Sign in with it now."))
        return redirect("account_login")

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return super().render_to_response(context, status=200 if context.get("validlink") else 410, **kwargs)
