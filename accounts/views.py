"""Signing in and out, and acting in another role."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.forms import RoleForm, SignInForm
from accounts.middleware import actor_of
from accounts.models import User
from accounts.policy import Role
from accounts.services.roles import switch_role as switch
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.web.refusals import refused, sentence_of
from partnerhub.web.templatetags.hub import role_name

# The demo's people and their password are public: README and the start message name them too.
DEMO_DOMAIN = "@partnerhub.example"
DEMO_PASSWORD = "partnerhub-demo"  # noqa: S105


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        if seconds := getattr(form, "seconds", 0):
            response.status_code = 429
            response.headers["Retry-After"] = str(seconds)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        people = _demo_people() if settings.HUB_ENV == "demo" else []
        return super().get_context_data(demo_people=people, demo_password=DEMO_PASSWORD, **kwargs)


class SignOut(LogoutView):
    pass


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
    return HttpResponseRedirect(_next_of(request))


def _next_of(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else resolve_url(settings.LOGIN_REDIRECT_URL)
