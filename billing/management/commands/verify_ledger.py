from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.verification import verify


class Command(BaseCommand):
    help = "Recompute the event log and the ledger. Exit 1, naming the first bad row, when anything does not hold."

    def handle(self, *args: Any, **options: Any) -> None:
        report = verify()
        checked = f"{report.events} events, {report.charges} charges, {report.starts} billing starts"
        if report.first is None:
            self.stdout.write(f"The ledger holds: {checked} verified.")
            return
        self.stdout.write(f"{checked} checked, {len(report.faults)} faults.")
        raise CommandError(f"first bad row: {report.first.row}: {report.first.problem}", returncode=1)
