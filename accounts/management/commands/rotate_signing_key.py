from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.keys import HANDOVER
from accounts.policy import OPERATOR
from accounts.services.signing import rotate
from partnerhub.clock import now
from partnerhub.errors import HubError


class Command(BaseCommand):
    help = "Publish a new key for signing tokens; it takes over in an hour, and what the old one signed stays good."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at-once", action="store_true", help="let it sign now: verifiers may not know it yet")

    def handle(self, *args: Any, **options: Any) -> None:
        at = now()
        try:
            key = rotate(OPERATOR, at_once=options["at_once"], at=at)
        except HubError as refusal:
            raise CommandError(f"{refusal} Nothing was changed.") from refusal
        signs = at if options["at_once"] else at + HANDOVER
        self.stdout.write(f"The key {key.kid} is published and signs from {signs:%Y-%m-%d %H:%M} UTC on.")
