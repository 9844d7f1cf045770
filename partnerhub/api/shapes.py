"""The dialect's common shapes: timestamps, links, attributes, collections."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated, Generic, NotRequired, TypedDict, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from partnerhub.errors import NotFound

Item = TypeVar("Item")
# The second word is the format that the OpenAPI document shows.
Utc = Annotated[str, "date-time"]
Guid = Annotated[str, "uuid"]

CONTINUATION = "MS-ContinuationToken"


class Header(TypedDict):
    key: str
    value: str


class Link(TypedDict):
    """`uri` is relative and without `/v1`, except where it leads out of the hub."""

    uri: str
    method: str
    headers: list[Header]


class Attributes(TypedDict):
    etag: NotRequired[str]
    objectType: str


class SelfLinks(TypedDict):
    self: Link


class CollectionLinks(TypedDict):
    self: Link
    next: NotRequired[Link]
    previous: NotRequired[Link]


class Collection(TypedDict, Generic[Item]):
    totalCount: int
    items: list[Item]
    links: CollectionLinks
    attributes: Attributes


def utc(moment: datetime) -> Utc:
    """ISO 8601 in UTC with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def utc_or_none(moment: datetime | None) -> Utc | None:
    return utc(moment) if moment else None


def midnight(day: date) -> Utc:
    """The first moment of a UTC day."""
    return f"{day.isoformat()}T00:00:00Z"


def link(uri: str, query: dict[str, str] | None = None, *, headers: dict[str, str] | None = None) -> Link:
    """A link to follow with GET; `uri` as the dialect writes it: relative, without `/v1`."""
    whole = f"{uri}?{urlencode(query)}" if query else uri
    return Link(
        uri=whole, method="GET", headers=[Header(key=k, value=v) for k, v in headers.items()] if headers else []
    )


def collection(
    items: Iterable[Item],
    uri: str,
    *,
    total: int | None = None,
    following: Link | None = None,
    preceding: Link | None = None,
) -> Collection[Item]:
    """Items in the dialect's collection; `total` where it has further pages, to which the other two lead."""
    listed = list(items)
    links = CollectionLinks(self=link(uri))
    if following:
        links["next"] = following
    if preceding:
        links["previous"] = preceding
    return Collection(
        totalCount=len(listed) if total is None else total,
        items=listed,
        links=links,
        attributes=Attributes(objectType="Collection"),
    )


def guid(text: str, what: str) -> UUID:
    """Read an id from an address. What is no id names nothing: raises NotFound, as for an unknown one."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(what=what, id=text[:64]) from None
