"""Shapes of what platform admins type about agents, and of a new agent's password."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.policy import AGENT_ROLES, Role
from accounts.services.people import LONGEST_NAME, LONGEST_REASON, Profile, profile_of
from customers.client_forms import ScopeForm, scope_shown
from partnerhub.errors import AgentExists, InvitedAlready, LastPlatformAdmin, PlatformAdminLimited
from partnerhub.web.forms import ComparedForm, RefusableForm
from partnerhub.web.templatetags.hub import ROLE_NAMES


class AgentFields(ScopeForm):
    """Who an agent is: name, roles, language, and which customers are seen. Each role is a field of its own."""

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME)
    language = forms.ChoiceField(
        label=_("Language"),
        choices=settings.LANGUAGES,
        help_text=_("Of mails, and of pages until another is chosen in the browser."),
    )
    admin_agent = forms.BooleanField(label=ROLE_NAMES[Role.ADMIN_AGENT], required=False)
    sales_agent = forms.BooleanField(label=ROLE_NAMES[Role.SALES_AGENT], required=False)
    ops_agent = forms.BooleanField(label=ROLE_NAMES[Role.OPS_AGENT], required=False)
    platform_admin = forms.BooleanField(label=ROLE_NAMES[Role.PLATFORM_ADMIN], required=False)
    refused_at = {PlatformAdminLimited: "scope", LastPlatformAdmin: "platform_admin"}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if not any(given.get(role.value) for role in AGENT_ROLES):
            raise ValidationError(_("Choose at least one role."))
        return given

    def profile(self) -> Profile:
        """What was typed, as the services take it."""
        given = self.cleaned_data
        roles = [role for role in AGENT_ROLES if given[role.value]]
        return Profile(given["name"], roles, given["language"], given["customers"])


class InvitationForm(AgentFields):
    """Somebody to invite."""

    email = forms.EmailField(label=_("E-mail"))
    refused_at = {**AgentFields.refused_at, AgentExists: "email", InvitedAlready: "email"}


class AgentForm(ComparedForm, AgentFields):
    """An agent as somebody saw them."""


class ReasonForm(RefusableForm):
    """Why somebody is let in no more, or again."""

    reason = forms.CharField(label=_("Reason"), max_length=LONGEST_REASON)
    refused_at = {LastPlatformAdmin: "reason"}


def agent_values(user: User) -> dict[str, str]:
    """An agent's profile as a browser would send it."""
    profile = profile_of(user)
    roles = {role.value: "on" if role in profile.roles else "" for role in AGENT_ROLES}
    language = profile.language or settings.HUB_MAIL_LANGUAGE
    return {"name": profile.name, "language": language, **roles, **scope_shown(user.customers)}
