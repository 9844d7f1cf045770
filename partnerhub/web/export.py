"""Tables as files: CSV that is streamed, and XLSX. Memory stays flat however many rows there are.

A cell that a spreadsheet would take for a formula stays text: who named a subscription must not run code at who opens
the export.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from tempfile import TemporaryFile
from typing import IO

import xlsxwriter
from django.http import FileResponse, StreamingHttpResponse

Value = str | int | Decimal | bool | date | datetime | None
Table = Iterable[Sequence[Value]]

BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as something else
ROWS_A_CHUNK = 500
# Excel's limit is 1,048,576 rows a sheet, headings included; what is more goes on in another sheet.
ROWS_A_SHEET = 1_000_000
LONGEST_CELL = 32_767
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutral(text: str) -> str:
    """The text, led by an apostrophe where a spreadsheet would read it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def written(value: Value) -> str:
    """A cell as plain text: days and moments in ISO 8601 (UTC), amounts as plain decimals, nothing for None."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int):
        return str(value)
    return neutral(value or "")


def csv_response(name: str, headings: Sequence[str], rows: Table) -> StreamingHttpResponse:
    """A download `name`.csv: UTF-8 with its mark, commas, one line a row, sent while the rows are still being read."""
    response = StreamingHttpResponse(_lines(headings, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def xlsx_response(name: str, headings: Sequence[str], rows: Table) -> FileResponse:
    """A download `name`.xlsx, written to a temporary file first: a workbook cannot be sent before it is complete."""
    file = TemporaryFile()  # noqa: SIM115 - FileResponse closes it, which deletes it
    try:
        write_workbook(file, headings, rows)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return FileResponse(file, as_attachment=True, filename=f"{name}.xlsx", content_type=kind)


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _lines(headings: Sequence[str], rows: Table) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow([written(heading) for heading in headings])
    left = iter(rows)
    while chunk := list(islice(left, ROWS_A_CHUNK)):
        yield "".join(writer.writerow([written(value) for value in row]) for row in chunk)


def write_csv(file: IO[str], headings: Sequence[str], rows: Table) -> None:
    """The table as CSV, into a text file opened with `newline=""`."""
    file.writelines(_lines(headings, rows))


def write_workbook(file: IO[bytes], headings: Sequence[str], rows: Table) -> None:
    """The table as XLSX; what is more than a sheet holds goes on in another one."""
    workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "in_memory": False})
    bold, day = workbook.add_format({"bold": True}), workbook.add_format({"num_format": "yyyy-mm-dd"})
    left = iter(rows)
    chunk = list(islice(left, ROWS_A_CHUNK))
    while True:
        sheet = workbook.add_worksheet()
        sheet.freeze_panes(1, 0)
        for column, heading in enumerate(headings):
            sheet.write_string(0, column, heading, bold)
        at = 1
        while chunk and at + len(chunk) <= ROWS_A_SHEET:
            for row in chunk:
                for column, value in enumerate(row):
                    _write_cell(sheet, at, column, value, day)
                at += 1
            chunk = list(islice(left, ROWS_A_CHUNK))
        if not chunk:
            break
    workbook.close()


def _write_cell(sheet: "xlsxwriter.worksheet.Worksheet", row: int, column: int, value: Value, day: object) -> None:
    """Text is written as text, so no cell is ever a formula; numbers and days as such, for sums and filters."""
    if value is None or value == "":
        return
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        sheet.write_number(row, column, value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        sheet.write_datetime(row, column, value, day)
    else:
        text = value if isinstance(value, str) else written(value)
        sheet.write_string(row, column, text[:LONGEST_CELL])
