"""What foreign keys and triggers keep row by row, asked of whole tables at once."""

from django.db import connection, transaction
from psycopg import sql

# What is written while triggers and keys rest.
SEEDED = (
    "subscriptions_order", "subscriptions_orderline", "subscriptions_subscription", "subscriptions_nickname",
    "subscriptions_seattranche", "subscriptions_gate", "subscriptions_billingstart", "subscriptions_pollschedule",
    "subscriptions_operation",
)  # fmt: skip

_KEYS = """
SELECT conname, conrelid::regclass::text, confrelid::regclass::text,
       (SELECT array_agg(attname::text ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS key (number, place)
          JOIN pg_attribute ON attrelid = conrelid AND attnum = number),
       (SELECT array_agg(attname::text ORDER BY place) FROM unnest(confkey) WITH ORDINALITY AS key (number, place)
          JOIN pg_attribute ON attrelid = confrelid AND attnum = number)
  FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY(%s::regclass[]) ORDER BY conname
"""

_ORPHANS = """
SELECT count(*) FROM {table} AS row
 WHERE ROW({columns}) IS NOT NULL AND NOT EXISTS (SELECT FROM {target} WHERE ({keys}) = ({columns}))
"""

# By the trigger that keeps it: the rows that break it. Those that no seeded row can break are not here.
BY_TRIGGER = {
    "tranches_sum_to_quantity": """
        SELECT count(*) FROM subscriptions_subscription AS one
          LEFT JOIN (SELECT subscription_id, sum(quantity) AS quantity
                       FROM subscriptions_seattranche GROUP BY 1) AS held ON held.subscription_id = one.id
         WHERE one.quantity IS DISTINCT FROM held.quantity""",
    "nickname_kept": """
        SELECT count(*) FROM subscriptions_subscription AS one
          LEFT JOIN subscriptions_nickname AS kept ON kept.subscription_id = one.id
         WHERE one.nickname IS DISTINCT FROM kept.text""",
}


class Unsound(Exception):
    """Rows were written that the database would have refused: the text says how many break which rule."""


def prove_seeded() -> None:
    """Ask of all rows, ours and those before, what keys and triggers keep. Raises Unsound."""
    if found := broken():
        raise Unsound(", ".join(f"{count} rows break {name}" for name, count in found.items()))


def broken() -> dict[str, int]:
    """How many rows break which foreign key of the seeded tables, or what their triggers keep."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute(_KEYS, [list(SEEDED)])
        questions = {name: _orphans(*key) for name, *key in cursor.fetchall()}
        questions |= {name: sql.SQL(question) for name, question in BY_TRIGGER.items()}
        counts = {}
        for name, question in questions.items():
            cursor.execute(question)
            counts[name] = int(cursor.fetchone()[0])
    return {name: count for name, count in counts.items() if count}


def _orphans(table: str, target: str, columns: list[str], keys: list[str]) -> sql.Composable:
    """Rows that name a row of `target` that is not there. A key with an empty part names none."""
    return sql.SQL(_ORPHANS).format(
        table=sql.Identifier(table),
        target=sql.Identifier(target),
        columns=sql.SQL(", ").join(sql.Identifier("row", column) for column in columns),
        keys=sql.SQL(", ").join(sql.Identifier(target, key) for key in keys),
    )
