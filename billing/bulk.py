"""Many rows in one statement: one document instead of a parameter for each value."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

_INSERT = """
INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %s)
"""
_UPDATE = """
UPDATE {table} AS old SET {pairs} FROM jsonb_populate_recordset(NULL::{table}, %s) AS new WHERE old.id = new.id
"""
Row = dict[str, Any]


def insert(table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Insert rows; `table` and `columns` are our own words, never anybody's input."""
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT.format(table=table, columns=", ".join(f'"{column}"' for column in columns)), [_document(rows)]
        )


def update(table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write `columns` of the rows with these ids; each row holds its `id`, too."""
    pairs = ", ".join(f'"{column}" = new."{column}"' for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE.format(table=table, pairs=pairs), [_document(rows)])


def _document(rows: Iterable[Row]) -> str:
    return json.dumps(list(rows), default=str)
