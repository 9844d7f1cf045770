import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policy import OPERATOR
from partnerhub.clock import now
from partnerhub.errors import HubError
from subscriptions.services.personal_data import KEPT, erase_person, export_person


class Command(BaseCommand):
    help = "Tell as JSON what the hub holds about a person, or erase it as far as no law wants it kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", choices=["export", "erase"])
        parser.add_argument("email")
        parser.add_argument("--reason", default="", help="goes on record with an erasure; name nobody in it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["act"] == "export":
                self.stdout.write(json.dumps(export_person(OPERATOR, options["email"]), indent=1, ensure_ascii=False))
                return
            told = erase_person(OPERATOR, options["email"], reason=options["reason"], at=now())
        except HubError as refusal:
            raise CommandError(f"{refusal} Nothing was changed.") from refusal
        for what, count in told.items():
            self.stdout.write(f"{what}: {count}")
        for what, why in KEPT.items():
            self.stdout.write(f"Kept: {what}. {why}")
