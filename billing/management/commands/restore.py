from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.verification import verify
from partnerhub.backups import BackupError, differences, restore


class Command(BaseCommand):
    help = (
        "Fill an empty database from a backup and prove it: rows of every table, chains of hashes, the ledger. "
        "Exit 1 when anything does not hold."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="what `backup` has written")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            manifest = restore(folder)
        except BackupError as reason:
            raise CommandError(str(reason)) from None
        if found := differences(manifest):
            raise CommandError("; ".join(found))
        report = verify()
        if report.first is not None:
            raise CommandError(f"first bad row: {report.first.row}: {report.first.problem}")
        self.stdout.write(
            f"Restored {sum(manifest.rows.values())} rows of {len(manifest.rows)} tables, as they were at "
            f"{manifest.taken_at}. The ledger holds: {report.events} events, {report.charges} charges verified."
        )
