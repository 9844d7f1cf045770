from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _

from accounts.policy import Role


class SignInForm(AuthenticationForm):
    """E-mail and password; one sentence for every failure, so that nobody learns who has an account."""

    error_messages = {
        "invalid_login": _("This e-mail and password do not belong together. Check both and try again."),
        "inactive": _("This e-mail and password do not belong together. Check both and try again."),
    }


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=[(role.value, role.value) for role in Role])
