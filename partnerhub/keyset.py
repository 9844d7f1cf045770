"""Where a page begins in an ordered table: conditions that an index scan can start from, whatever stands before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, Func, Model, OuterRef, Q, QuerySet
from django.db.models.expressions import OrderBy

Cursor = list[str | None]
# The first so many rows of a part of a list, in their order.
Part = Callable[[int], QuerySet[Any]]


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


# What finds the rows behind a cursor, all of them without one, in parts to be read until a page is full.
Parts = Callable[[QuerySet[Any], Sequence[Key], Cursor | None], list[Part]]


def keys_of(queryset: QuerySet[Any], order: Sequence[str]) -> list[Key]:
    """The keys of an order, the last of them unique, e.g. ("-purchased_at", "-id").

    Each is a field, a path over foreign keys or an annotation that is never null; the first may be null.
    """
    return [_key(queryset, name) for name in order]


def in_order(rows: QuerySet[Any], keys: Sequence[Key], cursor: Cursor | None) -> list[Part]:
    """The rows behind a cursor, all without one, in parts to be read one after the other until a page is full.

    Raises ValueError, ValidationError for a cursor whose values do not fit.
    """
    ordered = rows.order_by(*(key.ordering() for key in keys))
    return [partial(_first, ordered.filter(part)) for part in (_beyond(keys, cursor) if cursor else [Q()])]


def in_groups(rows: QuerySet[Any], keys: Sequence[Key], cursor: Cursor | None) -> list[Part]:
    """The same in an order that begins with the unique name of what the rows refer to, e.g. `publisher__name`: the
    first rows of each group are read by the index of that reference, one group after the other.

    Sorted as a whole, all rows of a group would be read to find its first. Raises ValueError, ValidationError.
    """
    if cursor is None:
        return [partial(_first_of_groups, rows, keys, Q())]
    (name, *others), (value, *place) = keys, cursor
    field = name.path.partition("__")[2]
    [behind] = _beyond(others, place)
    following = Q(**{f"{field}__{'lt' if name.descending else 'gt'}": value})
    return [
        partial(_first_of_groups, rows.filter(behind), keys, Q(**{field: value})),
        partial(_first_of_groups, rows, keys, following),
    ]


def _beyond(keys: Sequence[Key], cursor: Cursor) -> list[Q]:
    """The rows behind the one whose keys are the cursor's values, in parts to be read one after the other."""
    parts = [Q(pk__in=[])]
    for key, value in reversed(list(zip(keys, cursor, strict=True))):
        [rest] = parts
        parts = key.beyond(value, rest)
    return parts


def _first(ordered: QuerySet[Any], number: int) -> QuerySet[Any]:
    return ordered[:number]


def _first_of_groups(rows: QuerySet[Any], keys: Sequence[Key], which: Q, number: int) -> QuerySet[Any]:
    name, *others = keys
    relation, _, field = name.path.partition("__")
    group: Any = rows.model._meta.get_field(relation).related_model
    of_one = rows.filter(**{relation: OuterRef("pk")}).order_by(*(key.ordering() for key in others))
    # PostgreSQL reads no further group once there are enough rows.
    each = _Each(ArraySubquery(of_one.values("pk")[:number]), output_field=rows.model._meta.pk)
    groups = group.objects.filter(which).order_by(Key(field, name.descending, nullable=False).ordering())
    chosen = rows.filter(pk__in=groups.annotate(each=each).values("each")[:number])
    return chosen.order_by(*(key.ordering() for key in keys))[:number]


class _Each(Func):
    """The elements of an array, a row for each."""

    function = "unnest"
    set_returning = True


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
