"""Many rows in one statement: new ones by COPY, changed ones as one document or as an array for each column."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

_COPY = "COPY {table} ({columns}) FROM STDIN"
_UPDATE = """
UPDATE {table} AS old SET {pairs} FROM jsonb_populate_recordset(NULL::{table}, %s) AS new WHERE old.{key} = new.{key}
"""
Row = dict[str, Any]


def insert(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows, their values in the order of `columns`, JSON as text; `table` and `columns` are our own words, never
    anybody's input. Raises DatabaseError, as any write.
    """
    statement = _COPY.format(table=table, columns=", ".join(f'"{column}"' for column in columns))
    # Django wraps the errors of a cursor's own calls, not those of a copy.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def array(values: Iterable[str | int | None]) -> str:
    """A column of values as one parameter, to be cast to its array (`%s::text[]`); half the work of a document."""
    return "{" + ",".join(["NULL" if value is None else _quoted(str(value)) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def update(table: str, columns: Sequence[str], rows: Iterable[Row], key: str = "id") -> None:
    """Write `columns` of the rows with these keys; each row holds its key, too."""
    pairs = ", ".join(f'"{column}" = new."{column}"' for column in columns)
    document = json.dumps(list(rows), default=str)
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE.format(table=table, pairs=pairs, key=key), [document])
