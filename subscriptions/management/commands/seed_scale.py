from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from partnerhub.clock import now
from subscriptions.demo.scale import may_seed, seed
from subscriptions.demo.scale_checks import Unsound


class Command(BaseCommand):
    help = (
        "Fill a database for measuring: customers, publishers with a catalogue, and subscriptions with their orders, "
        "gates, tranches and billing starts (92 of 100 active, 5 pending, 3 ended). Set-based; what keys and triggers "
        "keep is asked of all rows at the end, which takes a superuser of PostgreSQL. "
        "Events and charges are left out: their hash chains come only from the services."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--subscriptions", type=int, required=True, metavar="N")
        parser.add_argument("--customers", type=int, required=True, metavar="M")
        parser.add_argument("--publishers", type=int, required=True, metavar="P")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IN_PRODUCTION:
            raise CommandError("Invented subscriptions do not belong into a production database.")
        wanted = {name: options[name] for name in ("subscriptions", "customers", "publishers")}
        for name, number in wanted.items():
            if number < 1:
                raise CommandError(f"--{name} is {number}: it must be at least 1.")
        if not may_seed():
            raise CommandError("Writing past triggers takes a superuser of PostgreSQL, and this one is none.")
        try:
            seed(**wanted, at=now(), tell=self._tell)
        except Unsound as error:
            raise CommandError(str(error)) from error

    def _tell(self, done: int) -> None:
        self.stdout.write(f"{done} subscriptions")
        self.stdout.flush()
