"""What this vendor remembers: every order, in memory for reading and in SQLite for the next start."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from publishers.demo.orders import Order


class Store:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "orders.sqlite3"
        path.touch(mode=0o600)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        columns = "slug TEXT, id TEXT, body TEXT, PRIMARY KEY (slug, id)"
        self.connection.execute(f"CREATE TABLE IF NOT EXISTS orders ({columns})")
        rows = self.connection.execute("SELECT body FROM orders").fetchall()
        self.orders = {(order.slug, order.id): order for order in (Order.load(json.loads(body)) for (body,) in rows)}

    def get(self, slug: str, order_id: str) -> Order | None:
        return self.orders.get((slug, order_id.lower()))

    def of(self, slug: str) -> list[Order]:
        return [order for (owner, _), order in self.orders.items() if owner == slug]

    def unfinished(self) -> list[Order]:
        return [order for order in self.orders.values() if not order.confirmed_at and not order.closed_at]

    def undecided(self) -> list[Order]:
        """Orders with a change of which the hub's webhook told, and whose outcome we do not know."""
        return [order for order in self.orders.values() if any(o.notified and o.is_open for o in order.operations)]

    def save(self, order: Order) -> None:
        """Write the order down if anything about it changed."""
        if order.changed:
            order.changed = False
            row = (order.slug, order.id, json.dumps(order.dump()))
            self.connection.execute("INSERT OR REPLACE INTO orders (slug, id, body) VALUES (?, ?, ?)", row)
            self.orders[order.slug, order.id] = order

    def close(self) -> None:
        self.connection.close()
