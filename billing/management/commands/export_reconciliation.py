from argparse import ArgumentParser
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError
from xlsxwriter.exceptions import FileCreateError

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
            _write_whole(Path(output), format, rows)
        except (OSError, FileCreateError) as error:
            raise CommandError(f"--output {output} cannot be written: {_why(error)}") from None


def _write_whole(path: Path, format: str, rows: Table) -> None:
    """Under its name there is a whole file or, where the disk gets full, what was there before."""
    part = path.with_name(f"{path.name}.part")
    try:
        _write(part, format, rows)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _why(error: OSError | FileCreateError) -> str:
    """xlsxwriter wraps the system's error in its own."""
    cause = error if isinstance(error, OSError) else error.args[0]
    return cause.strerror or str(cause) if isinstance(cause, OSError) else str(cause)


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
