"""Sealing what a mail says while it waits: a copy of the database must not hold personalised links."""

import json

from partnerhub.sealing import Unreadable, in_column, keeps_sealed, seal, unseal

__all__ = ["Unreadable", "opened", "sealed"]

PURPOSE = "mail/body"
keeps_sealed("mails that wait", in_column("mail.Message", "body", PURPOSE))


def sealed(text: str, html: str) -> bytes:
    return seal(PURPOSE, json.dumps([text, html]).encode())


def opened(body: bytes) -> tuple[str, str]:
    """Text and HTML of a sealed body. Raises Unreadable."""
    text, html = json.loads(unseal(PURPOSE, body))
    return text, html
