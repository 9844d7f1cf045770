"""Many rows in one statement: new ones by COPY, changed ones as one document or as an array for each column."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from os import urandom
from typing import Any

from django.db import connection

_COPY = "COPY {table} ({columns}) FROM STDIN"
_UPDATE = """
UPDATE {table} AS old SET {pairs} FROM jsonb_populate_recordset(NULL::{table}, %s) AS new WHERE old.{key} = new.{key}
"""
Row = dict[str, Any]
# The digit that tells the variant of a UUID, for a random one.
_VARIANTS = {f"{number:x}": "89ab"[number & 3] for number in range(16)}


def insert(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows, their values in the order of `columns`, JSON as text; `table` and `columns` are our own words, never
    anybody's input. Raises DatabaseError, as any write.
    """
    statement = _COPY.format(table=table, columns=", ".join(f'"{column}"' for column in columns))
    # Django wraps the errors of a cursor's own calls, not those of a copy.
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def new_ids(moments: Sequence[datetime]) -> Iterator[str]:
    """A UUID for each moment that grows with it (version 7): what is written together lies together in its indexes."""
    # Drawn together: each draw lets other threads take the interpreter.
    random = urandom(10 * len(moments)).hex()
    last, begins = None, ""
    for number, at in enumerate(moments):
        if at is not last:
            moment, last = f"{int(at.timestamp() * 1000):012x}", at
            begins = f"{moment[:8]}-{moment[8:]}-7"
        rest = random[20 * number : 20 * number + 20]
        yield f"{begins}{rest[:3]}-{_VARIANTS[rest[3]]}{rest[4:7]}-{rest[7:19]}"


def array(values: Iterable[object]) -> str:
    """A column of values as one parameter, to be cast to its array (`%s::text[]`): a fraction of a document's work."""
    given = list(values)
    texts = ["NULL" if value is None else f'"{value}"' for value in given]
    text = ",".join(texts)
    if "\\" in text or text.count('"') != 2 * (len(texts) - texts.count("NULL")):
        text = ",".join(["NULL" if value is None else _escaped(f"{value}") for value in given])
    return f"{{{text}}}"


def _escaped(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def update(table: str, columns: Sequence[str], rows: Iterable[Row], key: str = "id") -> None:
    """Write `columns` of the rows with these keys; each row holds its key, too."""
    pairs = ", ".join(f'"{column}" = new."{column}"' for column in columns)
    document = json.dumps(list(rows), default=str)
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE.format(table=table, pairs=pairs, key=key), [document])
