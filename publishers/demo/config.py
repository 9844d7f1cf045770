"""Who we are: the publishers of the hub's demo.json, read again whenever the file changes."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from publishers.demo.orders import Adapter

log = logging.getLogger("demo_publisher")


@dataclass(frozen=True)
class Publisher:
    slug: str
    name: str
    adapter: Adapter
    tenant_id: str
    client_id: str
    client_secret: str
    base_url: str


class Directory:
    """The publishers by slug, the first path segment of their landing URL. A half-written file changes nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stamp: tuple[int, int] | None = None
        self.publishers: dict[str, Publisher] = {}

    def all(self) -> dict[str, Publisher]:
        try:
            stat = self.path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp != self.stamp:
                self.publishers = read(self.path)
                self.stamp = stamp
                log.info("%d publishers known", len(self.publishers))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return self.publishers
        return self.publishers


def read(path: Path) -> dict[str, Publisher]:
    """Raises ValueError, KeyError, TypeError or AttributeError when the file has another shape."""
    rows = (publisher(row) for row in json.loads(path.read_text("utf-8"))["publishers"])
    return {row.slug: row for row in rows if row.slug}


def publisher(row: dict[str, Any]) -> Publisher:
    url = urlsplit(row["landing_url"])
    slug = url.path.strip("/").partition("/")[0]
    return Publisher(
        slug=slug,
        name=row["name"],
        adapter=Adapter(row["adapter"]),
        tenant_id=str(row["tenant_id"]),
        client_id=str(row["client_id"]),
        client_secret=row["client_secret"],
        base_url=f"{url.scheme}://{url.netloc}/{slug}",
    )
