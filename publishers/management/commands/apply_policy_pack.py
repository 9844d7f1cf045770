from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policy import OPERATOR
from partnerhub.clock import now
from partnerhub.errors import HubError
from publishers.packs import PACKS
from publishers.services.policies import apply_policy_pack


class Command(BaseCommand):
    help = "Write the policies of a regime as dated rows, and print what changed (docs/policies.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=PACKS)
        parser.add_argument("--publisher", default="", metavar="NAME", help="for one publisher; else hub-wide")
        parser.add_argument("--from", dest="starts", type=_midnight, metavar="DATE", help="a UTC day; else at once")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changes = apply_policy_pack(
                OPERATOR, options["name"], publisher=options["publisher"], starts=options["starts"], at=now()
            )
        except HubError as refusal:
            raise CommandError(f"{refusal} Nothing was changed.") from refusal
        for line in changes or ["Nothing to change."]:
            self.stdout.write(line)


def _midnight(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
