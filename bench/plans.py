"""How PostgreSQL reads what a page asks: each statement's plan, what it reads whole, and how many rows it reads."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext


@dataclass(frozen=True)
class Plan:
    """One statement: milliseconds, rows that its scans read of each table, rows it gave, and what it read whole."""

    sql: str
    ms: float
    tables: dict[str, int]
    given: int
    whole: dict[str, int]

    @property
    def read(self) -> int:
        """The rows of all tables."""
        return sum(self.tables.values())


def plans_of(way: Callable[[], Any]) -> list[Plan]:
    """The plans of all that a way reads; it goes twice, so that nothing is read for the first time."""
    way()
    with CaptureQueriesContext(connection) as captured:
        way()
    return [explained(query["sql"]) for query in captured.captured_queries if _reads(query["sql"])]


def explained(sql: str) -> Plan:
    """The statement's plan, measured while it runs."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), ())
        found = cursor.fetchone()[0][0]
    nodes = list(_nodes(found["Plan"]))
    tables = Counter[str]()
    for node in nodes:
        tables[node.get("Relation Name", "")] += _read(node)
    whole = {node["Relation Name"]: _read(node) for node in nodes if node["Node Type"] == "Seq Scan"}
    return Plan(sql, found["Execution Time"], dict(tables), found["Plan"]["Actual Rows"], whole)


def _reads(sql: str | None) -> bool:
    """Prepared statements have no text with values; they read by keys."""
    return sql is not None and sql.lstrip().startswith(("SELECT", "WITH"))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _read(node: dict[str, Any]) -> int:
    """The rows that a scan of a table has looked at, in all its loops."""
    if "Relation Name" not in node:
        return 0
    dropped = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return round((node["Actual Rows"] + dropped) * node["Actual Loops"])
