from argparse import ArgumentParser
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError

from accounts.policy import OPERATOR
from billing.reconciliation import COLUMNS, reconciled
from partnerhub.web.export import Table, write_csv, write_workbook


class Command(BaseCommand):
    help = "Write the reconciliation file of a calendar month: every charge and credit in Partner Center's columns."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--period", required=True, help="the month, e.g. 2026-11")
        parser.add_argument("--format", choices=["csv", "xlsx"], default="csv")
        parser.add_argument("--output", help="a file; CSV goes to standard output without one")

    def handle(self, *args: Any, period: str, format: str, output: str | None, **options: Any) -> None:
        rows = reconciled(OPERATOR, _month(period))
        if output is None and format == "xlsx":
            raise CommandError("--format xlsx needs --output")
        if output is None:
            write_csv(cast(IO[str], self.stdout), COLUMNS, rows)
            return
        try:
            _write(Path(output), format, rows)
        except OSError as error:
            raise CommandError(f"--output {output} cannot be written: {error.strerror}") from None


def _write(path: Path, format: str, rows: Table) -> None:
    if format == "xlsx":
        with path.open("wb") as book:
            write_workbook(book, COLUMNS, rows)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        write_csv(file, COLUMNS, rows)


def _month(period: str) -> date:
    try:
        return datetime.strptime(period, "%Y-%m").date()  # noqa: DTZ007 - a month has no time zone
    except ValueError:
        raise CommandError(f"--period {period}: a month such as 2026-11 is expected") from None
