from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policy import OPERATOR
from accounts.services.signing import withdraw
from partnerhub.clock import now
from partnerhub.errors import HubError


class Command(BaseCommand):
    help = "End a signing key that somebody else may have: what it signed is refused from now on, by the hub at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kid", help="the key's name, as tokens and the key set have it")
        parser.add_argument("--reason", default="", help="goes on record")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            signs = withdraw(OPERATOR, options["kid"], reason=options["reason"], at=now())
        except HubError as refusal:
            raise CommandError(f"{refusal} Nothing was changed.") from refusal
        self.stdout.write(f"The key {options['kid']} is withdrawn; {signs} signs from now on.")
