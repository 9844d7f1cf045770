"""What lists are measured beside, as WSGI applications of their own: `limit`, what the database and the server need,
and `naive`, what DRF's own pages make of a table with the indexes that Django makes by itself.

Neither proves who calls, counts calls or logs; the hub does.
"""

import os
import threading
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import django
import psycopg

Start = Callable[[str, list[tuple[str, str]]], object]
SIZE = 50
# The copy of the table, and the marker of a database that was filled to its end.
TABLE = "bench_subscription"
BASIC = f"""
CREATE TABLE {TABLE} AS SELECT * FROM subscriptions_subscription;
ALTER TABLE {TABLE} ADD PRIMARY KEY (id);
CREATE INDEX ON {TABLE} (customer_id);
CREATE INDEX ON {TABLE} (publisher_id);
CREATE INDEX ON {TABLE} (offer_id);
CREATE INDEX ON {TABLE} (plan_id);
CREATE INDEX ON {TABLE} (plan_term_id);
CREATE INDEX ON {TABLE} (status);
"""  # noqa: S608 - a name of ours
_LIMIT = f"""
SELECT json_agg(row_to_json(page))::text FROM (
  SELECT s.id, s.nickname, s.quantity, s.status, s.unit_price, s.currency, s.auto_renew, s.purchased_at, s.activated_at,
         s.term_start, s.term_end, s.version, c.name AS customer, o.title AS offer, p.name AS publisher
    FROM subscriptions_subscription s JOIN customers_customer c ON c.id = s.customer_id
    JOIN publishers_offer o ON o.id = s.offer_id JOIN publishers_publisher p ON p.id = s.publisher_id
   ORDER BY s.purchased_at DESC, s.id DESC LIMIT {SIZE}) AS page
"""  # noqa: S608 - a number of ours
_CALLER = "SELECT *, (SELECT private_key FROM accounts_signingkey LIMIT 1) FROM accounts_client WHERE is_active LIMIT 1"
_thread = threading.local()


def limit(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Page 1 as PostgreSQL writes it, over a connection of the thread's own, by prepared statements.

    Who calls is read, as the hub reads it, and not judged: every list costs that.
    """
    if not hasattr(_thread, "database"):
        _thread.database = psycopg.connect(**_place(), autocommit=True)  # type: ignore[arg-type]
    _thread.database.execute(_CALLER, prepare=True).fetchall()
    [(text,)] = _thread.database.execute(_LIMIT, prepare=True).fetchall()
    return _answered(text.encode(), start)


def naive(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """`?page=` of a ModelViewSet with PageNumberPagination, without any middleware around it."""
    view, request_of = _naive_view()
    response = view(request_of(environ)).render()
    return _answered(response.content, start)


def _answered(body: bytes, start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _place() -> dict[str, str]:
    """The database's folder and name, as DATABASE_URL of the measurement has them."""
    folder, _, name = urlsplit(os.environ["DATABASE_URL"]).path.rpartition("/")
    return {"host": unquote(folder).replace("//", "/", 1), "user": "hub", "dbname": name}


@cache
def _naive_view() -> tuple[Callable[[Any], Any], Callable[[dict[str, Any]], Any]]:
    django.setup()
    from django.core.handlers.wsgi import WSGIRequest  # noqa: PLC0415 - once Django is there

    from bench.naive_list import view  # noqa: PLC0415

    return view, WSGIRequest
