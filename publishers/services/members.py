"""Reading a JSON document member by member: what does not fit is refused with its path and its value."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from partnerhub.errors import InvalidInput

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
SHOWN = 80


def refusal(path: str, value: object, problem: str) -> InvalidInput:
    """The refusal of one value, quoted as far as SHOWN characters."""
    shown = repr(value)
    return InvalidInput(field=path, problem=f"{shown[:SHOWN]}{'…' if len(shown) > SHOWN else ''} {problem}.")


class Members:
    """The members of one JSON object. What nobody asked for is collected in `ignored`, which all its parts share."""

    def __init__(self, value: object, path: str = "", ignored: list[str] | None = None) -> None:
        if not isinstance(value, dict):
            raise refusal(path or "document", value, "is not an object")
        self.path = path
        self.ignored = [] if ignored is None else ignored
        self._left: dict[str, Any] = dict(value)

    def at(self, name: str) -> str:
        """The path of a member, e.g. `offers[0].plans[1].title`."""
        return f"{self.path}.{name}" if self.path else name

    def take(self, name: str, *, required: bool = True) -> Any:
        """A member as it is; None when it is absent and need not be there."""
        value = self._left.pop(name, None)
        if value is None and required:
            raise InvalidInput(field=self.at(name), problem="it is missing.")
        return value

    def text(self, name: str, longest: int, *, required: bool = True) -> str:
        """A member as trimmed text; empty only when it need not be there."""
        value = self.take(name, required=required)
        if value is None:
            return ""
        if not isinstance(value, str) or _CONTROL.search(value):
            raise refusal(self.at(name), value, "is not plain text")
        value = value.strip()
        if len(value) > longest or (required and not value):
            raise refusal(self.at(name), value, f"must have 1 to {longest} characters")
        return value

    def secret(self, name: str, longest: int) -> str | None:
        """A member that no refusal may quote."""
        value = self.take(name, required=False)
        if value is not None and not (isinstance(value, str) and 1 <= len(value) <= longest and value.isprintable()):
            raise InvalidInput(field=self.at(name), problem=f"it must have 1 to {longest} printable characters.")
        return value

    def matching(self, name: str, pattern: str, meaning: str) -> str:
        value = self.take(name)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise refusal(self.at(name), value, f"is not {meaning}")
        return value

    def word(self, name: str, known: Sequence[str]) -> str:
        value = self.take(name)
        if not isinstance(value, str) or value not in known:
            raise refusal(self.at(name), value, f"is not one of {', '.join(known)}")
        return value

    def whole(self, name: str, lowest: int, highest: int, default: int | None = None) -> int:
        """A whole number, both limits included; required unless there is a default."""
        value = self.take(name, required=default is None)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise refusal(self.at(name), value, f"is not a whole number from {lowest} to {highest}")
        return value

    def flag(self, name: str) -> bool:
        value = self.take(name, required=False)
        if value is not None and not isinstance(value, bool):
            raise refusal(self.at(name), value, "is neither true nor false")
        return bool(value)

    def uuid(self, name: str) -> UUID | None:
        value = self.take(name, required=False)
        try:
            return None if value is None else UUID(value)
        except (ValueError, AttributeError, TypeError):
            raise refusal(self.at(name), value, "is not a UUID") from None

    def mapping(self, name: str, *, required: bool = True) -> dict[str, Any]:
        value = self.take(name, required=required)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise refusal(self.at(name), value, "is not an object")
        return value

    def entries(self, name: str, *, required: bool = True) -> list[Any]:
        value = self.take(name, required=required)
        if value is None:
            return []
        if not isinstance(value, list):
            raise refusal(self.at(name), value, "is not a list")
        return value

    def objects(self, name: str) -> list["Members"]:
        """A required list of objects, each knowing its place."""
        entries = self.entries(name)
        return [Members(entry, f"{self.at(name)}[{place}]", self.ignored) for place, entry in enumerate(entries)]

    def done(self) -> None:
        """Note what was left unread."""
        self.ignored.extend(self.at(name) for name in self._left)
