"""Fixed statements of busy paths: written once, and planned once for a session (psycopg's `prepare`).

Only for statements whose plan is the same for all values, never for a search. Their texts are our own words, or made of
models; whatever comes from outside is a value. Values are sent as text, which PostgreSQL reads as the type it expects:
so one statement is prepared once, whatever it is given.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Self, cast

import psycopg
from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import AutoField, BigAutoField, Field, Model

Values = Iterable[object]
_INSERT = 'INSERT INTO "{table}" ({columns}) VALUES {rows}'
_UPDATE = 'UPDATE "{table}" SET {pairs} WHERE "{key}" = %s'


class _Cursor(psycopg.RawCursor[tuple[Any, ...]]):
    """Prepares at once, and binds values in the server."""

    def execute(self, query: Any, params: Any = None, **_given: Any) -> Self:
        return super().execute(_numbered(query), params, prepare=True)


@cache
def _numbered(statement: str) -> bytes:
    """With the places of values as PostgreSQL writes them: psycopg would look for those of a long one at each call."""
    first, *rest = statement.split("%s")
    return "".join([first, *(f"${number}{part}" for number, part in enumerate(rest, 1))]).encode()


def rows(statement: str, values: Values) -> list[tuple[Any, ...]]:
    """What a statement returns. Raises DatabaseError, as any statement."""
    with _cursor() as cursor:
        cursor.execute(statement, [_text(value) for value in values])
        return list(cursor.fetchall())


def execute(statement: str, values: Values) -> None:
    """Run a statement that returns nothing. Raises DatabaseError, as any statement."""
    with _cursor() as cursor:
        cursor.execute(statement, [_text(value) for value in values])


class Selection:
    """A fixed statement that reads objects: `{alias}` in it stands for the columns of the model of that alias.

    Each row becomes an object for each model, in the order of their aliases, which is that of the columns; None where
    an outer join found nothing.
    """

    def __init__(self, statement: str, **models: type[Model]) -> None:
        self._statement = statement.format(**{alias: _columns(model, alias) for alias, model in models.items()})
        self._models = tuple(models.values())

    def __call__(self, *values: object) -> list[tuple[Any, ...]]:
        """What is there for these values. Raises DatabaseError, as any statement."""
        return [tuple(_objects(row, self._models)) for row in rows(self._statement, values)]


def _columns(model: type[Model], alias: str) -> str:
    return ", ".join(f'"{alias}"."{field.column}"' for field in model._meta.concrete_fields)


def _objects(row: tuple[Any, ...], models: Sequence[type[Model]]) -> Iterator[Model | None]:
    start = 0
    for model in models:
        names, key, converters = _shape(model)
        values = list(row[start : start + len(names)])
        start += len(names)
        for place, convert in converters:
            values[place] = convert(values[place], None, connection)
        yield None if values[key] is None else model.from_db(connection.alias, names, values)


@cache
def _shape(model: type[Model]) -> tuple[list[str], int, list[tuple[int, Any]]]:
    """The names of a model's columns, the place of its key, and what reads the value of each place that needs it."""
    fields = model._meta.concrete_fields
    converters = [(place, field.from_db_value) for place, field in enumerate(fields) if hasattr(field, "from_db_value")]
    names = [field.attname for field in fields]
    return names, names.index(model._meta.pk.attname), converters


def prefetched(one: Model, name: str, related: Sequence[Model]) -> None:
    """Let a related manager of an object give these rows, as `prefetch_related` would."""
    vars(one).setdefault("_prefetched_objects_cache", {})[name] = related


def insert(*written: Model) -> None:
    """Write new rows in one statement, those of a table one after the other. Keys that the database draws are not read.

    Raises DatabaseError.
    """
    values = [getattr(one, field.attname) for one in written for field in _written(type(one))]
    execute(_insert(tuple(type(one) for one in written)), values)
    for one in written:
        one._state.adding, one._state.db = False, connection.alias


@cache
def _insert(models: tuple[type[Model], ...]) -> str:
    """One statement that inserts a row for each; `models` in the order of their tables."""
    tables = dict.fromkeys(models)
    return _inserts(
        tuple((one._meta.db_table, tuple(field.column for field in _written(one)), models.count(one)) for one in tables)
    )


def insert_rows(*tables: tuple[str, Sequence[str], Sequence[Sequence[object]]]) -> None:
    """Write a few new rows of some tables in one statement, which is another one for each number of rows: tables with
    their columns, and the values of each row in that order. Raises DatabaseError.
    """
    shapes = tuple((table, tuple(columns), len(written)) for table, columns, written in tables)
    execute(_inserts(shapes), [value for _table, _columns, written in tables for row in written for value in row])


@cache
def _inserts(shapes: tuple[tuple[str, tuple[str, ...], int], ...]) -> str:
    """Tables with their columns, and how many rows of each."""
    parts = []
    for table, columns, count in shapes:
        names = ", ".join(f'"{column}"' for column in columns)
        row = f"({', '.join(['%s'] * len(columns))})"
        parts.append(_INSERT.format(table=table, columns=names, rows=", ".join([row] * count)))
    first = ", ".join(f"written{number} AS ({part})" for number, part in enumerate(parts[:-1]))
    return f"WITH {first} {parts[-1]}" if first else parts[-1]


def update(one: Model, *names: str) -> None:
    """Write the named fields of an object. Raises FieldDoesNotExist, DatabaseError."""
    statement, attributes = _update(type(one), names)
    execute(statement, [*(getattr(one, attribute) for attribute in attributes), one.pk])


@cache
def _update(model: type[Model], names: tuple[str, ...]) -> tuple[str, list[str]]:
    fields = [field for field in model._meta.concrete_fields if field.name in names]
    if unknown := set(names) - {field.name for field in fields}:
        raise FieldDoesNotExist(f"{model.__name__} has no {', '.join(sorted(unknown))}")
    pairs = ", ".join(f'"{field.column}" = %s' for field in fields)
    table, key = model._meta.db_table, model._meta.pk.column
    return _UPDATE.format(table=table, pairs=pairs, key=key), [field.attname for field in fields]


@cache
def _written(model: type[Model]) -> "list[Field[Any, Any]]":
    return [one for one in model._meta.concrete_fields if not isinstance(one, AutoField | BigAutoField)]


def _text(value: object) -> str | None:
    if value is None or type(value) is str:
        return value
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _cursor() -> CursorWrapper:
    """A cursor as Django's own, so that its statements are seen by whoever counts or traces them."""
    if connection.queries_logged:  # psycopg keeps no text of what is prepared
        return connection.cursor()
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    return connection.make_cursor(cast(CursorWrapper, _Cursor(connection.connection)))
