"""Reading what a program sends: tolerant in names and extra members, strict in values."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from partnerhub.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is narrowed by; field and operator in lower case."""

    field: str
    operator: str
    value: str


def filter_of(request: Request, fields: Collection[str], operators: Collection[str]) -> Asked | None:
    """The `filter` of a list, `{"Field", "Value", "Operator"}` as JSON, if any; the first operator where none is said.

    Names and words in any case; `fields` and `operators` in lower case are what the list knows. Raises InvalidInput.
    """
    text = request.query_params.get("filter")
    if not text:
        return None
    try:
        given = {str(name).lower(): str(value) for name, value in json.loads(text).items()}
    except (ValueError, AttributeError, RecursionError):
        raise InvalidInput(field="filter", problem="JSON with Field, Value and Operator is expected") from None
    operator = given.get("operator", next(iter(operators))).lower()
    asked = Asked(given.get("field", "").lower(), operator, given.get("value", ""))
    if asked.field not in fields or asked.operator not in operators or not storable(asked.value):
        known = f"{', '.join(fields)} and {', '.join(operators)}"
        raise InvalidInput(field="filter", problem=f"a printable Value and, in any case, one of {known} are expected")
    return asked


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object of a request, its names with a small first letter (`FriendlyName` and `friendlyName` are one).

    An empty body is an empty object. Raises InvalidInput for any other JSON, ParseError for what is no JSON.
    """
    try:
        data = _small_first(request.data)
    except RecursionError:
        raise InvalidInput(field="body", problem="it is nested too deeply") from None
    if not isinstance(data, dict):
        raise InvalidInput(field="body", problem="a JSON object is expected")
    return data


def _small_first(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _small_first(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_small_first(member) for member in value]
    return value


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text: neither NUL nor half a surrogate pair, both of which JSON can spell."""
    return re.search("[\0\ud800-\udfff]", text) is None


def checked(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """The validated values, none of them of another JSON type. Raises InvalidInput naming a member that is wrong."""
    _check_types(serializer, serializer.initial_data, "")
    if serializer.is_valid():
        return dict(serializer.validated_data)
    field, problem = _first(serializer.errors, "")
    raise InvalidInput(field=field, problem=problem)


def _is_whole(value: Any) -> bool:
    """As JSON Schema has it: 12.0 is one, true is not."""
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


# The framework would read 0 as "0", "12" as 12 and "yes" as true: what a program did not mean is refused instead.
_JSON_TYPES: tuple[tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], ...], Callable[[Any], bool], str], ...] = (
    ((serializers.BooleanField,), lambda value: isinstance(value, bool), "true or false"),
    ((serializers.IntegerField,), _is_whole, "a whole number"),
    (
        (serializers.CharField, serializers.UUIDField, serializers.DateField, serializers.DateTimeField),
        lambda value: isinstance(value, str),
        "text",
    ),
)


def _check_types(field: serializers.Field[Any, Any, Any, Any], value: Any, path: str) -> None:
    if isinstance(field, serializers.Serializer) and isinstance(value, dict):
        for name, inner in field.fields.items():
            _check_types(inner, value.get(name), f"{path}.{name}".lstrip("."))
    if isinstance(field, serializers.ListField | serializers.ListSerializer) and field.child:
        for index, one in enumerate(value if isinstance(value, list) else []):
            _check_types(field.child, one, f"{path}[{index}]")
    for kinds, is_fine, expected in _JSON_TYPES:
        if isinstance(field, kinds) and value is not None and not is_fine(value):
            raise InvalidInput(field=path, problem=f"{expected} is expected")


def _first(errors: Any, path: str) -> tuple[str, str]:
    """The first error in a serializer's nested errors, with the path of its member (`lineItems[0].quantity`)."""
    if isinstance(errors, dict):
        name, inner = next((n, e) for n, e in errors.items() if e)
        if isinstance(name, int):
            return _first(inner, f"{path}[{name}]")
        return _first(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        index, inner = next((i, e) for i, e in enumerate(errors) if e)
        return _first(inner, f"{path}[{index}]")
    return path or "body", str(errors[0] if isinstance(errors, list) else errors)
