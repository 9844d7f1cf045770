from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing.reporting import write_report
from billing.verification import verify


class Command(BaseCommand):
    help = "Recompute the event log and the ledger. Exit 1, naming the first bad row, when anything does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--report", type=Path, help="Write all that was checked, for docs/verify_report.py.")

    def handle(self, *args: Any, **options: Any) -> None:
        report = verify()
        if options["report"]:
            with options["report"].open("w", encoding="utf-8") as file:
                write_report(report, file)
        checked = (
            f"{report.events} events, {report.charges} charges, {report.starts} billing starts, "
            f"{report.invoices} invoices with {report.lines} lines"
        )
        if report.first is None:
            self.stdout.write(f"The ledger holds: {checked} verified.")
            return
        self.stdout.write(f"{checked} checked, {len(report.faults)} faults.")
        raise CommandError(f"first bad row: {report.first.row}: {report.first.problem}", returncode=1)
