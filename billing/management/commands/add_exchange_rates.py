from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.policy import OPERATOR
from billing.services.rates import COLUMNS, add_rates, read_rates
from partnerhub.errors import HubError


class Command(BaseCommand):
    help = f"Add published exchange rates from a CSV file with the columns {', '.join(COLUMNS)}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as file:
                added = add_rates(OPERATOR, read_rates(file))
        except (HubError, OSError) as error:
            raise CommandError(str(error), returncode=1) from None
        self.stdout.write(f"{added} rates added.")
