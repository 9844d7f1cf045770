"""Tables that agents upload: CSV in, every line accounted for, nothing taken for a formula."""

import csv
import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from partnerhub.web.export import neutral

LARGEST_FILE = 2_000_000
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table: its number in the file (the heading is 1), its cells by column, how many have no column."""

    number: int
    cells: dict[str, str]
    surplus: int = 0


class UnreadableTable(ValueError):
    """The file as a whole cannot be read; its argument says why, to be translated when it is shown."""


def read_table(content: bytes, *, columns: Collection[str], required: Collection[str], most: int) -> list[Line]:
    """The lines of a CSV file that are not blank: UTF-8 with or without its mark; commas, semicolons or tabs.

    The first line names the columns, by `columns`; a file without all of `required` is refused, and so are columns
    of other names, one named twice, and more than `most` lines. Raises UnreadableTable.
    """
    rows = _rows(content)
    heading = _heading(next(rows, []), columns, required)
    lines = [_line(number, heading, cells) for number, cells in enumerate(rows, start=2) if any(map(str.strip, cells))]
    if len(lines) > most:
        raise UnreadableTable(_("The file has more lines than can be read at once. Split it."))
    return lines


def plain(cell: str) -> str:
    """A cell without spaces around it, and without the apostrophe that keeps a spreadsheet from calculating it."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and neutral(text[1:]) == text else text


def _rows(content: bytes) -> Iterator[list[str]]:
    if len(content) > LARGEST_FILE:
        raise UnreadableTable(_("The file is larger than 2 MB."))
    try:
        text = content.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        raise UnreadableTable(_("The file is not UTF-8 text.")) from None
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error:
        raise UnreadableTable(_("The file is not a CSV file.")) from None


def _heading(cells: list[str], columns: Collection[str], required: Collection[str]) -> list[str]:
    heading = [cell.strip().lower().replace(" ", "_") for cell in cells]
    while heading and not heading[-1]:
        heading.pop()
    if missing := [name for name in required if name not in heading]:
        raise UnreadableTable(_("The first line has to name the columns; missing: {names}.").format(names=missing[0]))
    if strangers := [name for name in heading if name not in columns]:
        raise UnreadableTable(_("There is no column {names}.").format(names=strangers[0][:50] or "–"))
    if len(heading) != len(set(heading)):
        raise UnreadableTable(_("A column stands in the file more than once."))
    return heading


def _line(number: int, heading: list[str], cells: list[str]) -> Line:
    surplus = sum(bool(cell.strip()) for cell in cells[len(heading) :])
    return Line(number, {name: plain(cell) for name, cell in zip(heading, cells, strict=False)}, surplus)
