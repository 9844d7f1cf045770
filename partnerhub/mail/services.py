"""Posting a mail: a row in the transaction of what it tells of, so that both happen or neither."""

from collections.abc import Callable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from partnerhub.mail.letters import Letter, rendered
from partnerhub.mail.models import Message
from partnerhub.mail.sealing import sealed

LONGEST_SUBJECT = 200

_wanted: dict[str, Callable[[str], bool]] = {}


class Unpostable(ValueError):
    """A mail whose address or subject cannot stand in a header."""


def post(
    key: str,
    *,
    to: str,
    letter: Letter,
    language: str,
    at: datetime,
    reply_to: str = "",
    expires_at: datetime | None = None,
) -> bool:
    """Write a mail that a worker sends; False, and nothing happens, when one with this key was posted before.

    Call it inside the transaction of what the mail tells of. Raises Unpostable.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a mail is posted in the transaction of what it tells of")
    _check_headers(to, letter.subject, reply_to)
    written = Message(
        key=key,
        recipient=to,
        language=language,
        subject=letter.subject,
        reply_to=reply_to,
        body=sealed(*rendered(letter, language)),
        created_at=at,
        expires_at=expires_at,
        next_attempt_at=at,
    )
    Message.objects.bulk_create([written], ignore_conflicts=True)
    return Message.objects.filter(pk=written.pk).exists()


def is_address(text: str) -> bool:
    """Whether a mail can be posted to it."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _check_headers(to: str, subject: str, reply_to: str) -> None:
    if not is_address(to) or (reply_to and not is_address(reply_to)):
        raise Unpostable("not an e-mail address")
    if not subject.isprintable() or not 1 <= len(subject) <= LONGEST_SUBJECT:
        raise Unpostable(f"a subject is one printable line of 1 to {LONGEST_SUBJECT} characters")


def asked_before_sending(purpose: str) -> Callable[[Callable[[str], bool]], Callable[[str], bool]]:
    """Register who says, by its key, whether a mail of a purpose is still wanted when it is about to be sent."""

    def register(is_wanted: Callable[[str], bool]) -> Callable[[str], bool]:
        _wanted[purpose] = is_wanted
        return is_wanted

    return register


def is_wanted(key: str) -> bool:
    """Whether a mail is still wanted, as far as its purpose has somebody to ask."""
    ask = _wanted.get(key.partition(":")[0])
    return ask is None or ask(key)
