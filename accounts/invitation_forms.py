from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from partnerhub.web.forms import RefusableForm

_NEW = {"autocomplete": "new-password"}


class NewPasswordForm(RefusableForm):
    """The first password of somebody who is to be an agent, typed twice; `user` is who it is for."""

    password = forms.CharField(label=_("Password"), strip=False, widget=forms.PasswordInput(attrs=_NEW))
    again = forms.CharField(label=_("Password again"), strip=False, widget=forms.PasswordInput(attrs=_NEW))

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password"].help_text = " ".join(password_validators_help_texts())

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password, self.user)
        return password

    def clean_again(self) -> str:
        again = str(self.cleaned_data["again"])
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise ValidationError(_("The two passwords are not the same."))
        return again
