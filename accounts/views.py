"""Signing in and out, and acting in another role."""

import json
from typing import Any

import structlog
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.mfa.base.views import AuthenticateView
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.internal.flows import perform_passwordless_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.adapters import directory_failed
from accounts.forms import RoleForm
from accounts.guesses import address_of, seconds_to_wait
from accounts.middleware import actor_of
from accounts.models import User
from accounts.policy import Role
from accounts.services.roles import switch_role as switch
from accounts.sign_in_forms import PasskeySignInForm, SignInForm
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.web.refusals import refused, sentence_of
from partnerhub.web.templatetags.hub import role_name

log = structlog.get_logger(__name__)

# The demo's people and their password are public: README and the start message name them too.
DEMO_DOMAIN = "@partnerhub.example"
DEMO_PASSWORD = "partnerhub-demo"  # noqa: S105


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with e-mail and password; who has a second factor is asked for it next."""
    if request.user.is_authenticated:
        return redirect(next_of(request))
    form = SignInForm(request.POST if request.method == "POST" else None, request=request)
    if form.is_bound and form.is_valid():
        user, given = form.user, form.cleaned_data
        login = Login(user=user, email=given["username"], redirect_url=next_of(request))
        answer: HttpResponse = perform_password_login(request, {"email": given["username"]}, login)
        return answer
    context = {
        "form": form,
        "next": next_of(request, default=""),
        "sso_name": settings.HUB_SSO_NAME if settings.HUB_SSO_ISSUER else "",
        "sso_id": settings.HUB_SSO_ID,
        "demo_people": _demo_people() if settings.HUB_ENV == "demo" else [],
        "demo_password": DEMO_PASSWORD,
    }
    return waiting(render(request, "accounts/login.html", context), form)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_with_passkey(request: HttpRequest) -> HttpResponse:
    """GET tells the browser what to ask the passkey, as JSON; POST brings what it answered."""
    if request.method != "POST":
        return JsonResponse(webauthn.begin_authentication(user=None))
    form = PasskeySignInForm(request.POST)
    if seconds_to_wait(address_of(request), "") or not form.is_valid():
        messages.error(request, _("This passkey does not work here. Try again, or sign in another way."))
        return redirect("account_login")
    authenticator = form.cleaned_data["credential"]
    login = Login(user=authenticator.user, redirect_url=next_of(request))
    answer: HttpResponse = perform_passwordless_login(request, authenticator, login)
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_with_directory(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the browser to the organisation's directory, unless that cannot be reached."""
    try:
        return _directory("go", request, provider_id)
    except OSError:
        log.warning("directory_away", exc_info=True)
        return directory_failed(request)


@require_http_methods(["GET", "HEAD", "POST"])
def back_from_directory(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take in what the directory says of who was sent there."""
    return _directory("back", request, provider_id)


def _directory(act: str, request: HttpRequest, provider_id: str) -> HttpResponse:
    answer: HttpResponse = import_string(f"accounts.directory.{act}")(request, provider_id)
    return answer


class SecondFactor(AuthenticateView):
    """Asked after the password of who has a second factor: a code, or a passkey."""

    template_name = "accounts/second_factor.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        options = context["js_data"]["request_options"]
        context["options"] = json.dumps(options) if options["publicKey"].get("allowCredentials") else ""
        return context

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return waiting(super().render_to_response(context, **kwargs), context["form"])


class SignOut(LogoutView):
    pass


def waiting(response: HttpResponse, form: Any) -> HttpResponse:
    """Answer 429 where a form was not looked at because there were too many failed attempts."""
    problems = [problem for found in form.errors.as_data().values() for problem in found] if form.is_bound else []
    seconds = next((problem.params["seconds"] for problem in problems if problem.code == "wait"), 0)
    if seconds:
        response.status_code = 429
        response.headers["Retry-After"] = str(seconds)
    return response


def _demo_people() -> list[dict[str, Any]]:
    people = User.objects.filter(email__endswith=DEMO_DOMAIN, is_active=True).prefetch_related("roles_held")
    return [
        {"email": person.email, "roles": [held.role for held in person.roles_held.all()]}
        for person in people.order_by("email")
    ]


@require_POST
@login_required
def switch_role(request: HttpRequest) -> HttpResponse:
    """Switch the active role and go back to the page it was done from."""
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        try:
            switch(actor_of(request), role, at=now())
        except HubError as refusal:
            refused(request, refusal)
            messages.error(request, sentence_of(refusal))
        else:
            messages.success(request, _("You now act as {role}.").format(role=role_name(role)))
    return HttpResponseRedirect(next_of(request))


def next_of(request: HttpRequest, default: str | None = None) -> str:
    """Where a request says to go next, when that is an address of this hub; else `default`, Home unless given."""
    wanted = request.POST.get("next", request.GET.get("next", ""))
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL) if default is None else default
