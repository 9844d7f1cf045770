"""The forms with which people prove who they are: while signing in, and when they are asked again."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ReauthenticateForm as ReauthenticateByPasswordForm
from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, LoginWebAuthnForm, ReauthenticateWebAuthnForm
from django import forms
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.adapters import note_wrong, refuse_while_waiting
from accounts.guesses import address_of, note_failure
from accounts.models import User


class SignInForm(forms.Form):
    """E-mail and password; one sentence for every failure, so that nobody learns who has an account.

    Bound and valid it knows the `user`.
    """

    username = forms.CharField(label=_("E-mail"), max_length=254)
    password = forms.CharField(label=_("Password"), max_length=4096, strip=False)
    user: User | None = None

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        adapter = get_adapter(self.request)
        if not self.errors:
            self.user = adapter.authenticate(self.request, email=given["username"], password=given["password"])
        if self.user is None:
            raise adapter.validation_error("email_password_mismatch")
        return given


class _Counted:
    """A form with a code: those that do not work are counted, as wrong passwords are."""

    user: User

    def clean_code(self) -> str:
        account = f"code:{self.user.pk}"
        refuse_while_waiting(context.request, account)
        try:
            code: str = super().clean_code()  # type: ignore[misc]
        except forms.ValidationError:
            note_wrong(context.request, account, self.user.email)
            raise
        return code


class CodeForm(_Counted, AuthenticateForm):
    """A code of the authenticator app, or a recovery code, while signing in."""


class ProofCodeForm(_Counted, ReauthenticateForm):
    """The same, where somebody who is signed in proves to be the same still."""


class AppForm(_Counted, ActivateTOTPForm):
    """The first code of an authenticator app that is being added."""


class PasskeyForm(AuthenticateWebAuthnForm):
    """What a passkey answered; one sentence for all that may be wrong with it."""

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except (forms.ValidationError, ValueError, KeyError) as problem:
            note_failure(address_of(context.request), "")
            raise forms.ValidationError(
                _("This passkey does not work here. Try again, or sign in another way."), code="passkey"
            ) from problem


class PasskeySignInForm(PasskeyForm, LoginWebAuthnForm):
    """A passkey instead of e-mail and password."""


class PasskeyProofForm(PasskeyForm, ReauthenticateWebAuthnForm):
    """A passkey of somebody who is signed in and proves to be the same still."""


class PasswordProofForm(ReauthenticateByPasswordForm):
    """The password of somebody who is signed in and proves to be the same still."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"] = forms.CharField(label=_("Password"), max_length=4096, strip=False)


class ChangeForm(PasswordChangeForm):
    """Another password for who knows the present one; wrong ones are counted as when signing in."""

    def clean_old_password(self) -> str:
        given = str(self.cleaned_data["old_password"])
        adapter = get_adapter()
        if not adapter.reauthenticate(self.user, given):
            raise adapter.validation_error("incorrect_password")
        return given
