"""Where a page begins in an ordered table: conditions that an index scan can start from, whatever stands before."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy

Cursor = list[str | None]


@dataclass(frozen=True)
class Key:
    """One field of an order. What has no value stands last in either direction, so first when read backwards."""

    path: str
    descending: bool
    nullable: bool
    nulls_first: bool = False

    def flipped(self) -> "Key":
        return Key(self.path, not self.descending, self.nullable, not self.nulls_first)

    def ordering(self) -> OrderBy:
        nulls = {"nulls_first": True} if self.nulls_first else {"nulls_last": True}
        given: dict[str, Any] = nulls if self.nullable else {}
        return F(self.path).desc(**given) if self.descending else F(self.path).asc(**given)

    def beyond(self, value: str | None, rest: Q) -> list[Q]:
        """The rows after a value of this key, and with `rest` those among its equals; in parts, each of which an index
        scan can start into: together they would have no bound.
        """
        missing = Q(**{f"{self.path}__isnull": True})
        if value is None:
            return [missing & rest, ~missing] if self.nulls_first else [missing & rest]
        compare = "lt" if self.descending else "gt"
        tail = Q(**{f"{self.path}__{compare}": value}) | (Q(**{self.path: value}) & rest)
        # Says nothing new, but is a bound that an index scan can start from.
        bounded = Q(**{f"{self.path}__{compare}e": value}) & tail
        return [bounded, missing] if self.nullable and not self.nulls_first else [bounded]


def keys_of(queryset: QuerySet[Any], order: tuple[str, str]) -> list[Key]:
    """The keys of an order by two, the second of them unique, e.g. ("-purchased_at", "-id").

    Each is a field, a path over foreign keys or an annotation that is never null; fields may be null.
    """
    return [_key(queryset, name) for name in order]


def beyond(keys: list[Key], cursor: Cursor) -> list[Q]:
    """The rows behind the one whose keys are the cursor's values, in parts to be read one after the other."""
    first, second = keys
    [rest] = second.beyond(cursor[1], Q(pk__in=[]))
    return first.beyond(cursor[0], rest)


def _key(queryset: QuerySet[Any], name: str) -> Key:
    path = name.removeprefix("-")
    annotated = path in queryset.query.annotations
    return Key(path, name.startswith("-"), not annotated and _is_nullable(queryset.model, path))


def _is_nullable(model: type[Model], path: str) -> bool:
    nullable = False
    for name in path.split("__"):
        field = model._meta.get_field(name)
        nullable = nullable or bool(field.null)
        model = field.related_model if field.is_relation else model  # type: ignore[assignment]
    return nullable
