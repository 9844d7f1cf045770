"""Where django-allauth, the machinery of signing in, meets the hub: its decisions, its records and its words."""

from typing import Any
from uuid import UUID

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, gettext_lazy, ngettext

from accounts.guesses import address_of, note_failure, seconds_to_wait
from accounts.models import User
from accounts.proofs import note_proof, proved_lately
from accounts.sealing import opened, sealed
from accounts.services.sign_ins import note_held_back, note_refused_sign_in, note_sign_in
from accounts.services.single_sign_on import Identity, admit
from partnerhub.clock import now
from partnerhub.errors import AccountDeactivated, HubError
from partnerhub.web.refusals import sentence_of

HUB = "Partner Hub"
WRONG_CODE = gettext_lazy("This code does not work. Check it and try again.")

log = structlog.get_logger(__name__)


def refuse_while_waiting(request: HttpRequest, account: str) -> None:
    """Raise ValidationError (code `wait`, with `seconds`) while an account or an address must wait."""
    seconds = seconds_to_wait(address_of(request), account)
    if seconds:
        minutes = -(-seconds // 60)
        sentence = ngettext(
            "There were too many failed attempts. Wait %(n)d minute and try again.",
            "There were too many failed attempts. Wait %(n)d minutes and try again.",
            minutes,
        )
        raise ValidationError(sentence % {"n": minutes}, code="wait", params={"seconds": seconds})


def note_wrong(request: HttpRequest, account: str, email: str) -> None:
    """Count a failed attempt, and put on record when it is the one after which the account has to wait."""
    if note_failure(address_of(request), account):
        note_held_back(email, at=now())


class AccountAdapter(DefaultAccountAdapter):
    """Who may sign in with what, and what is put on record of it."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        # One sentence for every failure, so that nobody learns who has an account.
        "email_password_mismatch": gettext_lazy(
            "This e-mail and password do not belong together. Check both and try again."
        ),
        "incorrect_password": gettext_lazy("This is not your password. Check it and try again."),
    }

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """The active person with this e-mail and password. Raises ValidationError while an account must wait."""
        email = credentials["email"]
        refuse_while_waiting(request, email)
        found = authenticate(request, **credentials)
        if not isinstance(found, User):
            note_wrong(request, email, email)
            return None
        return found

    def reauthenticate(self, user: User, password: str) -> bool:
        return self.authenticate(context.request, email=user.email, password=password) == user

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:
        return not proved_lately(context.request)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        # Somebody may have been deactivated between the password and the second factor.
        if not user.is_active:
            raise ImmediateHttpResponse(self.respond_user_inactive(request, user))
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse:
        ways = _ways(request, user)
        note_proof(request, second_factor=not {"mfa", "socialaccount"}.isdisjoint(method for method, _ in ways))
        note_sign_in(user.pk, [kind or method for method, kind in ways], at=now())
        answer: HttpResponse = super().post_login(request, user, **more)
        return answer

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        note_refused_sign_in(user.pk, AccountDeactivated.code, at=now())
        messages.error(request, gettext("You cannot sign in with this. Ask a platform admin."))
        return redirect("account_login")

    def add_message(self, *args: Any, **more: Any) -> None:
        """The hub's own pages tell what happened."""

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Second factors: their secrets are sealed, and what they call the hub is its name."""

    error_messages = {**DefaultMFAAdapter.error_messages, "incorrect_code": WRONG_CODE}

    def encrypt(self, text: str) -> str:
        return sealed(text)

    def decrypt(self, encrypted_text: str) -> str:
        return opened(encrypted_text)

    def get_totp_issuer(self) -> str:
        return HUB

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        entity: dict[str, str] = super().get_public_key_credential_rp_entity()
        return {**entity, "name": HUB}

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        return gettext("Passkey")


def directory_failed(request: HttpRequest) -> HttpResponse:
    """Back to signing in, with a word that the directory was of no help."""
    told = gettext("Signing in with {provider} did not work. Try again.")
    messages.error(request, told.format(provider=settings.HUB_SSO_NAME))
    return redirect("account_login")


class DirectoryAdapter(DefaultSocialAccountAdapter):
    """Single sign-on: the hub decides whose account an identity is; nothing that the directory tells is kept."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if sociallogin.state.get("process") != AuthProcess.LOGIN:
            raise ImmediateHttpResponse(redirect("account_login"))
        if not _is_what_was_asked(sociallogin):
            log.warning("single_sign_on_failed", error="nonce")
            raise ImmediateHttpResponse(directory_failed(request))
        identity = _identity(sociallogin)
        try:
            user = admit(identity, settings.HUB_SSO_ROLES, at=now())
        except HubError as refusal:
            _note_refused(identity.user_id, refusal)
            messages.error(request, sentence_of(refusal))
            raise ImmediateHttpResponse(redirect("account_login")) from refusal
        sociallogin.account.extra_data = {}
        sociallogin.user = user
        sociallogin.account.user = user
        sociallogin.account.save()

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def on_authentication_error(self, request: HttpRequest, provider: Any, **more: Any) -> None:
        log.warning(
            "single_sign_on_failed", error=str(more.get("error")), exception=type(more.get("exception")).__name__
        )
        raise ImmediateHttpResponse(directory_failed(request))


def _ways(request: HttpRequest, user: User) -> list[tuple[str, str]]:
    records = get_authentication_records(request, user)
    return [(record["method"], record.get("type", "")) for record in records if not record.get("reauthenticated")]


def _is_what_was_asked(sociallogin: SocialLogin) -> bool:
    """Whether the ID token holds the nonce with which this browser was sent away (OpenID Connect Core 3.1.3.7)."""
    sent, told = sociallogin.state.get("nonce"), sociallogin.account.extra_data["id_token"].get("nonce")
    return isinstance(told, str) and bool(sent) and sent == told


def _identity(sociallogin: SocialLogin) -> Identity:
    told = sociallogin.account.extra_data
    claims: dict[str, Any] = {**told.get("userinfo", {}), **told.get("id_token", {})}
    email = str(claims.get("email") or claims.get("preferred_username") or "")
    groups = claims.get(settings.HUB_SSO_GROUPS_CLAIM) or []
    return Identity(
        provider=settings.HUB_SSO_NAME,
        email=email,
        email_proven=claims.get("email_verified") is True or settings.HUB_SSO_TRUST_EMAIL,
        name=str(claims.get("name") or ""),
        groups=tuple(map(str, [groups] if isinstance(groups, str) else groups)),
        user_id=sociallogin.account.user_id,
    )


def _note_refused(user_id: UUID | None, refusal: HubError) -> None:
    log.warning("single_sign_on_refused", code=refusal.code)
    if user_id is not None:
        note_refused_sign_in(user_id, refusal.code, at=now())
