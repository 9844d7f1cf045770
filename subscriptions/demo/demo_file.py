"""demo.json: how programs use the demo. The only place where its secrets stand, so nobody else may read it."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.models import Client


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace the file as a whole, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")
    draft.replace(path)


def base_url(path: Path) -> str:
    """The address that the file tells; empty when there is no readable file."""
    return str(_read(path).get("base_url", ""))


def secrets(path: Path, clients: Iterable[Client]) -> dict[UUID, str] | None:
    """The secrets of these clients; None unless the file holds every one of them."""
    content = _read(path)
    try:
        entries = [content["api"], *content["publishers"]]
        told = {entry["client_id"]: entry["client_secret"] for entry in entries}
    except (KeyError, TypeError):
        return None
    found = {client.pk: told.get(str(client.pk)) for client in clients}
    complete = {key: secret for key, secret in found.items() if secret}
    return complete if len(complete) == len(found) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
