"""The hub's only clock. Interfaces read it once a request or task; everything below takes `at` or `as_of`."""

import os
import re
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(
    r"^(?P<sign>-)?P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?$"
)


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of days, hours, minutes and seconds (`P3D`, `PT72H`, `-PT5M`).

    Months and years are refused with ValueError: their length depends on where they start.
    """
    match = _DURATION.match(text)
    if match is None or text.removeprefix("-") in ("P", "PT"):
        raise ValueError(f"not an ISO 8601 duration of days, hours, minutes and seconds: {text!r}")
    parts = {unit: int(match[unit] or 0) for unit in ("days", "hours", "minutes", "seconds")}
    duration = timedelta(**parts)
    return -duration if match["sign"] else duration


def now() -> datetime:
    """The present moment in UTC, shifted by HUB_CLOCK_OFFSET (settings refuse that variable outside demo and tests)."""
    offset = os.environ.get("HUB_CLOCK_OFFSET")
    moment = datetime.now(UTC)
    return moment + parse_duration(offset) if offset else moment
