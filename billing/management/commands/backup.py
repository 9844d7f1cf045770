from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from partnerhub.backups import BackupError, back_up
from partnerhub.clock import now


class Command(BaseCommand):
    help = "Write a consistent backup of the database to a new folder while the hub works; `restore` proves it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that does not exist yet")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            manifest = back_up(folder, at=now())
        except BackupError as reason:
            raise CommandError(str(reason)) from None
        self.stdout.write(
            f"Backed up {sum(manifest.rows.values())} rows of {len(manifest.rows)} tables to {folder}. "
            "Keep SECRET_KEY apart from it: without that key its sealed secrets cannot be read."
        )
