"""Addresses of lists: filters, order and columns live in the query string; a page's links change a part of it."""

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from django.forms import Form
from django.http import QueryDict

from partnerhub.web.pages import CURSORS

# The view that narrows nothing: a bare address opens one's default view.
EVERYTHING = "all"


class Narrowing(Protocol):
    """A filter of a list: its form, and the valid values that narrow the list by parameter."""

    @property
    def form(self) -> Form: ...
    @property
    def applied(self) -> Mapping[str, Any]: ...


def address(params: QueryDict, **changes: str) -> str:
    """The query string with some parameters changed, without its cursor and what is empty; `?` when nothing is left."""
    query = params.copy()
    if "columns" in query:
        query["columns"] = ",".join(query.getlist("columns"))
    for name in CURSORS:
        query.pop(name, None)
    for name, value in changes.items():
        query[name] = value
    for name in [name for name, values in query.lists() if not any(values)]:
        del query[name]
    return f"?{query.urlencode(safe=',')}"


def link(params: QueryDict, **changes: str) -> str:
    """As `address`, for a link: a bare address would open the default view instead of everything."""
    found = address(params, **changes)
    return found if found != "?" else f"?view={EVERYTHING}"


def chips(params: QueryDict, filters: Narrowing, tabs: Collection[str]) -> list[dict[str, str]]:
    """What narrows a list besides the parameters of its tabs, in words, each with the address that lets it go."""
    return [
        {
            "label": str(filters.form.fields[name].label),
            "value": _in_words(filters.form.fields[name], value),
            "url": link(params, **{name: ""}),
        }
        for name, value in filters.applied.items()
        if name not in tabs
    ]


def _in_words(field: Any, value: Any) -> str:
    choices = dict(getattr(field, "choices", ())) if isinstance(value, str) else {}
    return str(choices.get(value, value))
