"""A mail server that is a folder: each mail a file that mail programs open. For the demo."""

import os
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage

from partnerhub.clock import now


class FolderBackend(BaseEmailBackend):
    """Writes `<moment>-<address>-<beginning of its id>.eml` into HUB_DATA/mail, for its owner's eyes alone."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.HUB_DATA) / "mail"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for email in email_messages:
            _write(folder / _name(email), email.message().as_bytes())
        return len(email_messages)


def _name(email: EmailMessage) -> str:
    address = "".join(character if character.isalnum() or character in "@.-" else "_" for character in email.to[0])
    return f"{now():%Y%m%d-%H%M%S}-{address}-{email.extra_headers['Message-ID'][1:9]}.eml"


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
