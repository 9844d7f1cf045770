"""Sending: claim a mail under a lease, hand it to the server with no transaction open, mark it.

A crash between the last two sends it again, with the same Message-ID.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.utils import parseaddr
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Q

from partnerhub.mail.models import Message
from partnerhub.mail.sealing import Unreadable, opened
from partnerhub.mail.services import is_wanted

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=5)
FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
GIVES_UP_AFTER = timedelta(days=3)
# Given up because of the mail server, it can be sent by hand for so long.
KEPT = timedelta(days=7)
# Three days in which nobody tried are no reason to give up.
FEWEST_ATTEMPTS = 5

EXPIRED, UNWANTED, UNREADABLE = "expired", "unwanted", "unreadable"


def send_due(clock: Callable[[], datetime], *, limit: int = 100, lasting: timedelta = timedelta(seconds=30)) -> int:
    """Send up to `limit` mails that are due, for about as long as `lasting`; returns how many were sent.

    Without a mail server none is: they stay. Raises RuntimeError inside a transaction.
    """
    if not settings.HUB_MAIL_READY:
        return 0
    if transaction.get_connection().in_atomic_block:
        raise RuntimeError("a mail server must not be called inside a database transaction")
    server, sent, until = get_connection(), 0, clock() + lasting
    try:
        for _ in range(limit):
            message = _claim(clock()) if clock() < until else None
            if message is None:
                break
            sent += _send(server, message, clock)
    finally:
        _hang_up(server)
    return sent


@transaction.atomic
def _claim(at: datetime) -> Message | None:
    """Lease the mail that is due longest; those that are of no use any more are given up on the way."""
    free = Q(lease_until=None) | Q(lease_until__lte=at)
    due = Message.objects.filter(free, next_attempt_at__lte=at).order_by("next_attempt_at", "id")
    while (message := due.select_for_update(skip_locked=True).first()) is not None:
        why = _of_no_use(message, at)
        if not why:
            message.lease_until = at + LEASE
            message.save(update_fields=["lease_until"])
            return message
        _close(message, failed_at=at, last_error=why)
    return None


def _of_no_use(message: Message, at: datetime) -> str:
    if message.expires_at is not None and message.expires_at <= at:
        return EXPIRED
    if not is_wanted(message.key):
        return UNWANTED
    try:
        opened(bytes(message.body))
    except Unreadable:
        return UNREADABLE
    return ""


def _send(server: BaseEmailBackend, message: Message, clock: Callable[[], datetime]) -> bool:
    try:
        server.send_messages([_as_email(message)])
    except Exception as error:  # whatever keeps one mail from leaving must not keep the next ones
        _hang_up(server)
        _settle(message, error, clock())
        return False
    _settle(message, None, clock())
    return True


def _as_email(message: Message) -> EmailMultiAlternatives:
    text, html = opened(bytes(message.body))
    _name, sender = parseaddr(settings.HUB_MAIL_FROM)
    headers = {"Message-ID": f"<{message.pk}@{sender.rpartition('@')[2]}>", "Auto-Submitted": "auto-generated"}
    reply_to = [message.reply_to] if message.reply_to else None
    email = EmailMultiAlternatives(
        message.subject, text, settings.HUB_MAIL_FROM, [message.recipient], headers=headers, reply_to=reply_to
    )
    email.attach_alternative(html, "text/html")
    return email


def _hang_up(server: BaseEmailBackend) -> None:
    with suppress(OSError):
        server.close()


@transaction.atomic
def _settle(message: Message, error: Exception | None, at: datetime) -> None:
    """Mark what came of it, unless the lease has run out and somebody else has taken over."""
    mine = Message.objects.select_for_update().filter(pk=message.pk, lease_until=message.lease_until).first()
    if mine is None:
        return
    mine.attempts += 1
    if error is None:
        _close(mine, sent_at=at)
        return
    told = _in_short(error)
    log.warning("mail_not_sent", message_id=str(mine.pk), error=told, attempts=mine.attempts)
    given_up = mine.attempts >= FEWEST_ATTEMPTS and at >= mine.created_at + GIVES_UP_AFTER
    if given_up or _is_final(error):
        _close(mine, failed_at=at, last_error=told, body=mine.body)
    else:
        mine.lease_until, mine.last_error = None, told
        mine.next_attempt_at = at + _wait(mine.attempts)
        mine.save(update_fields=["attempts", "lease_until", "next_attempt_at", "last_error"])


def _close(message: Message, **outcome: object) -> None:
    ended = {"body": b"", "next_attempt_at": None, "lease_until": None, "last_error": "", **outcome}
    for name, value in ended.items():
        setattr(message, name, value)
    message.save(update_fields=["attempts", *ended])


def forget_given_up(at: datetime) -> int:
    """Forget the text of what was given up KEPT ago; returns of how many."""
    return Message.objects.filter(failed_at__lte=at - KEPT).exclude(body=b"").update(body=b"")


def _wait(attempts: int) -> timedelta:
    wait: timedelta = min(FIRST_RETRY * 2 ** min(attempts - 1, 10), LONGEST_RETRY)
    return wait * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret


def _is_final(error: Exception) -> bool:
    """Whether trying again cannot help: address or content are refused for good, or it cannot even be written."""
    match error:
        case SMTPRecipientsRefused():
            return all(code >= 500 for code, _text in error.recipients.values())
        case SMTPDataError():
            return error.smtp_code >= 500
    return not isinstance(error, OSError)


def _in_short(error: Exception) -> str:
    """The kind of an error and the server's number: its text may repeat what the mail says."""
    match error:
        case SMTPRecipientsRefused():
            codes = sorted({str(code) for code, _text in error.recipients.values()})
            return " ".join([type(error).__name__, *codes])
        case SMTPResponseException():
            return f"{type(error).__name__} {error.smtp_code}"
    return type(error).__name__
