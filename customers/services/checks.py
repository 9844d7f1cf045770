"""What every customer and reseller has to fit, and how a changed row is saved."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import DomainNameValidator
from django.db.models import Model

from customers.countries import COUNTRIES
from partnerhub.errors import InvalidInput, StaleVersion

LONGEST_REASON = 500


def check_text(values: dict[str, str]) -> None:
    """Raise InvalidInput for a text with spaces around it or with unprintable characters."""
    for field, value in values.items():
        if not value.isprintable() or value != value.strip():
            raise InvalidInput(field=field, problem=f"{value[:50]!r} has spaces around it or unprintable characters.")


def check_country(value: str) -> None:
    if value not in COUNTRIES:
        raise InvalidInput(field="country", problem=f"{value[:50]!r} is not a country's code of two capitals.")


def check_currency(value: str) -> None:
    if not re.fullmatch(r"[A-Z]{3}", value):
        raise InvalidInput(field="currency", problem=f"{value[:50]!r} is not a code of 3 capitals.")


def check_domain(value: str) -> None:
    try:
        DomainNameValidator()(value)
    except ValidationError:
        raise InvalidInput(field="domain", problem=f"{value[:50]!r} is not a domain name.") from None
    if value != value.lower():
        raise InvalidInput(field="domain", problem=f"{value[:50]!r} has capitals.")


def check_reason(value: str) -> None:
    if not 1 <= len(value.strip()) <= LONGEST_REASON:
        raise InvalidInput(field="reason", problem=f"{len(value)} characters, allowed are 1 to {LONGEST_REASON}")


def check_version(current: int, seen: int | None) -> None:
    """Raise StaleVersion when the row is not the one that was seen; None checks nothing (rule 88)."""
    if seen is not None and seen != current:
        raise StaleVersion(seen=seen, current=current)


def check_row(row: Model) -> None:
    """What the model itself asks for. Raises InvalidInput for the first field that does not fit."""
    may_be_absent = [field.name for field in row._meta.fields if field.null]
    try:
        row.full_clean(exclude=may_be_absent, validate_constraints=False)
    except ValidationError as error:
        field, problems = next(iter(error.message_dict.items()))
        raise InvalidInput(field=field, problem=problems[0]) from None


def differences(row: Model, wanted: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The members of `wanted` that differ from the row: as they are, and as they shall be, both fit for an event."""
    changed = [name for name, value in wanted.items() if getattr(row, name) != value]
    return {name: _plain(getattr(row, name)) for name in changed}, {name: _plain(wanted[name]) for name in changed}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
