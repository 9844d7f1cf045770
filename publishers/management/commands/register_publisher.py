import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policy import OPERATOR
from partnerhub.clock import now
from partnerhub.errors import HubError
from publishers.services.register import describe, register_publisher


class Command(BaseCommand):
    help = "Create or change a publisher as a JSON file says, and print its ids as JSON (docs/publishers.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.json")

    def handle(self, *args: Any, **options: Any) -> None:
        document = _read(options["file"])
        try:
            registration = register_publisher(OPERATOR, document, at=now())
        except HubError as refusal:
            raise CommandError(f"{refusal} Nothing was changed.") from refusal
        self.stdout.write(json.dumps(describe(registration), indent=2, ensure_ascii=False))


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{path} is not JSON: {error}") from error
