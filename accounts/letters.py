"""The words of the mails about somebody's own way to sign in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.events import (
    PasswordChanged,
    RecoveryCodesMade,
    SecondFactorAdded,
    SecondFactorRemoved,
    SecondFactorsForgotten,
)
from accounts.models import User
from partnerhub.mail.letters import Letter, Link
from partnerhub.web.templatetags.hub import absolute


def language_of(user: User) -> str:
    """In which language somebody gets mails."""
    return user.language or str(settings.HUB_MAIL_LANGUAGE)


def reset_letter(user: User, link: str, until: datetime) -> Letter:
    """Carries the link with which somebody chooses a new password."""
    with translation.override(language_of(user)):
        return Letter(
            subject=_("Choose a new password"),
            greeting=_greeting(user),
            paragraphs=(
                _("Somebody, hopefully you, asked for a new password of your account at Partner Hub."),
                _("If that was not you, do nothing: your password stays as it is."),
            ),
            link=Link(_("Choose a new password"), link),
            note=_("The link is personal: treat it as a secret. It works once, until {until}.").format(
                until=absolute(until)
            ),
        )


def change_letter(user: User, fact: str, data: Mapping[str, Any], at: datetime) -> Letter:
    """Tells somebody what was changed about their own way to sign in."""
    with translation.override(language_of(user)):
        return Letter(
            subject=_("Your way to sign in was changed"),
            greeting=_greeting(user),
            paragraphs=(
                _sentence(fact, data),
                _("If that was not you, tell a platform admin at once and choose a new password."),
            ),
            facts=((_("Account"), user.email), (_("When"), absolute(at))),
        )


def factor_words(data: Mapping[str, Any]) -> str:
    """A second factor by its kind, and by its name where it has one."""
    if data.get("kind") == "webauthn":
        return _("passkey “{name}”").format(name=data.get("name") or "–")
    return _("authenticator app")


def _sentence(fact: str, data: Mapping[str, Any]) -> str:
    if fact == SecondFactorAdded.name:
        return _("A second factor was added: {factor}.").format(factor=factor_words(data))
    if fact == SecondFactorRemoved.name:
        return _("A second factor was removed: {factor}.").format(factor=factor_words(data))
    return {
        SecondFactorsForgotten.name: _("All your second factors were removed by an operator of the hub."),
        RecoveryCodesMade.name: _("New recovery codes were made. The old ones work no longer."),
        PasswordChanged.name: _("The password was changed. All other sessions were ended."),
    }[fact]


def _greeting(user: User) -> str:
    return _("Hello {name},").format(name=user.name)
