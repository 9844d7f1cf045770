"""What became of mails."""

from collections.abc import Iterable
from enum import StrEnum

from partnerhub.mail.models import Message


class Fate(StrEnum):
    """What became of a mail so far."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


def fates(prefix: str) -> Iterable[tuple[str, Fate]]:
    """The keys that begin so, each with the fate of its mail."""
    rows = Message.objects.filter(key__startswith=prefix).order_by("key")
    for key, sent_at, failed_at in rows.values_list("key", "sent_at", "failed_at"):
        yield key, Fate.SENT if sent_at else Fate.FAILED if failed_at else Fate.WAITING
