"""Reading a publisher's statement: CSV or XLSX, line by line, every line that cannot be read named."""

import csv
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import IO, Any

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from partnerhub.web.export import BYTE_ORDER_MARK
from partnerhub.web.uploads import plain

LARGEST_FILE = 20_000_000
LARGEST_SHEET = 300_000_000  # of XML, unpacked
MOST_LINES = 200_000
MOST_CELLS = 10_000_000
SCANNED_AT_ONCE = 1 << 20
LONGEST_CELL = 40
MOST_PROBLEMS = 20
# The columns that are needed, by the names that publishers give them; case, spaces and _ do not count.
COLUMNS = {
    "subscription": ("subscriptionid", "subscription", "subskrypcja", "idsubskrypcji"),
    "period": ("period", "month", "billingperiod", "okres", "miesiąc"),
    "quantity": ("quantity", "seats", "licences", "licenses", "ilość", "licencje"),
    "amount": ("amount", "subtotal", "net", "amountbeforetax", "kwota", "netto"),
    "currency": ("currency", "waluta"),
}
_MONTH = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})(-\d{2})?|(?P<m>\d{1,2})[./](?P<y>\d{4})")
_CELL = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,9})(\d{1,9})""")
# What is raised of a packed file that is damaged, encrypted, crafted, or one of another kind.
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, CalamineError),
    *(EOFError, IndexError, OSError, OverflowError, RuntimeError, ValueError),
)
_AMBIGUOUS = re.compile(r"-?[1-9]\d{0,2}[.,]\d{3}")


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A line as it was read; `number` is its place in the file, the heading being 1."""

    number: int
    named: str
    month: date
    quantity: int
    amount: Decimal
    currency: str


class UnreadableStatement(ValueError):
    """The file cannot be read: `problems` are sentences for people, each naming its line; nothing may be taken over."""

    def __init__(self, *problems: str) -> None:
        super().__init__(problems[0])
        self.problems = list(problems)


def read_statement(file: IO[bytes], name: str) -> Iterator[StatementRow]:
    """The lines of a CSV or XLSX file (by the end of its name), blank ones left out, while they are being read.

    Raises UnreadableStatement: at once for a file that is none, after the last line for lines that cannot be read.
    """
    cells = _sheet(file) if name.lower().endswith(".xlsx") else _text(file)
    numbered = enumerate(cells, start=1)
    places = _places(next(numbered, (1, []))[1])
    problems: list[str] = []
    for number, row in numbered:
        if number > MOST_LINES + 1:
            raise UnreadableStatement(_("The file has more than {count} lines. Split it.").format(count=MOST_LINES))
        if not any(_plain(cell) for cell in row):
            continue
        try:
            yield _read(number, row, places)
        except ValueError as problem:
            problems.append(_("Line {number}: {problem}").format(number=number, problem=problem))
            if len(problems) == MOST_PROBLEMS:
                break
    if problems:
        raise UnreadableStatement(*problems)


def _text(file: IO[bytes]) -> Iterator[Sequence[Any]]:
    lines = (line.decode("utf-8").replace("\0", "") for line in file)
    try:
        first = next(lines, "").removeprefix(BYTE_ORDER_MARK)
        delimiter = max(",;\t", key=first.count)
        yield from csv.reader(chain([first], lines), delimiter=delimiter)
    except UnicodeDecodeError:
        raise UnreadableStatement(_("The file is not UTF-8 text.")) from None
    except csv.Error:
        raise UnreadableStatement(_("The file is not a CSV file.")) from None


def _sheet(file: IO[bytes]) -> Iterable[Sequence[Any]]:
    try:
        sheet = None if _is_large(file) else CalamineWorkbook.from_filelike(file).get_sheet_by_index(0)
    except _DAMAGED:
        raise UnreadableStatement(_("The file is not an XLSX file.")) from None
    if sheet is None:
        raise UnreadableStatement(_("The sheet is too large. Save it as CSV."))
    return sheet.iter_rows()


def _is_large(file: IO[bytes]) -> bool:
    with zipfile.ZipFile(file) as packed:
        size = sum(part.file_size for part in packed.infolist())
        is_large = size > LARGEST_SHEET or _cells(packed) > MOST_CELLS
    file.seek(0)
    return is_large


def _cells(packed: zipfile.ZipFile) -> int:
    """How many cells the largest rectangle has that the sheets need: one cell in the farthest corner makes it huge, and
    the reader takes memory for all of them at once.
    """
    rows = columns = 0
    for part in packed.infolist():
        with packed.open(part) as file:
            rest = b""
            while chunk := file.read(SCANNED_AT_ONCE):
                found = _CELL.findall(rest + chunk)
                columns = max(columns, *map(_column, {letters for letters, _digits in found}), 0)
                rows = max(rows, *map(int, {digits for _letters, digits in found}), 0)
                rest = chunk[-LONGEST_CELL:]
    return rows * columns


def _column(letters: bytes) -> int:
    """The number of a column: 1 for A, 27 for AA."""
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - ord("A") + 1
    return number


def _places(heading: Sequence[Any]) -> dict[str, int]:
    """Where each column stands. Columns of other names are left alone."""
    found = [re.sub(r"[\s_-]", "", str(cell)).lower() for cell in heading]
    places = {}
    for column, names in COLUMNS.items():
        places[column] = next((place for place, cell in enumerate(found) if cell in names), -1)
    missing = [column for column, place in places.items() if place < 0]
    if missing:
        told = ", ".join(missing)
        raise UnreadableStatement(_("The first line has to name the columns; missing: {names}.").format(names=told))
    return places


def _read(number: int, row: Sequence[Any], places: dict[str, int]) -> StatementRow:
    """Raises ValueError with the sentence that says what is wrong."""
    cells = {column: row[place] if place < len(row) else "" for column, place in places.items()}
    named, currency = _plain(cells["subscription"]), _plain(cells["currency"]).upper()
    if not named or len(named) > 100:
        raise ValueError(_("a subscription id is expected"))
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ValueError(_("“{value}” is no currency such as EUR").format(value=currency[:20]))
    return StatementRow(
        number, named, _month(cells["period"]), _quantity(cells["quantity"]), _amount(cells["amount"]), currency
    )


def _plain(cell: Any) -> str:
    # A sheet can spell a NUL, which no text of the database may hold.
    return plain(str(cell).replace("\0", "")) if cell is not None else ""


def _month(cell: Any) -> date:
    if isinstance(cell, date | datetime):
        return date(cell.year, cell.month, 1)
    text = _plain(cell)
    found = _MONTH.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return date(int(found["year"] or found["y"]), int(found["month"] or found["m"]), 1)
    except ValueError:
        raise ValueError(_("“{value}” is no month such as 2026-11").format(value=text[:20])) from None


def _quantity(cell: Any) -> int:
    text = _plain(cell)
    number = _number(cell)
    if number is None or number != number.to_integral_value() or not 0 <= number < 10**9:
        raise ValueError(_("“{value}” is no number of licences").format(value=text[:20]))
    return int(number)


def _amount(cell: Any) -> Decimal:
    text = _plain(cell)
    number = _number(cell)
    if number is None or abs(number) >= 10**10:
        raise ValueError(_("“{value}” is no amount such as 1234.56").format(value=text[:20]))
    return number.quantize(Decimal("0.0001"))


def _number(cell: Any) -> Decimal | None:
    """A number, as a sheet holds it or written with a point or a comma; None for what is none.

    Raises ValueError for a text that could mean a thousandth or a thousand.
    """
    text = _plain(cell)
    digits = re.sub(r"[\s\u00a0\u202f]", "", text).replace("\u2212", "-")
    if not isinstance(cell, int | float) and _AMBIGUOUS.fullmatch(digits):
        readings = {"whole": re.sub("[.,]", "", digits), "part": digits.replace(",", ".")}
        told = _("“{value}” could mean {whole} or {part}: write {whole} or {part}0")
        raise ValueError(told.format(value=text[:20], **readings))
    if not re.fullmatch(r"-?\d[\d.,]*", digits):
        return None
    point = max(digits.rfind("."), digits.rfind(","))
    if point >= 0:
        if digits.count(digits[point]) > 1:
            return None
        digits = re.sub(r"[.,]", "", digits[:point]) + "." + digits[point + 1 :]
    try:
        return Decimal(digits)
    except InvalidOperation:
        return None
