"""Bulk changes as CSV: the values that a selection has now, and a file of new values for subscriptions named by id."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from accounts.policy import Actor
from partnerhub.errors import HubError, InvalidInput, NotFound, NotPermitted, RepeatedRow
from partnerhub.jobs.models import Job
from partnerhub.jobs.services import MOST_ROWS, Order, Wanted, create_job
from partnerhub.web.export import neutral
from subscriptions.bulk import BULK
from subscriptions.models import Subscription
from subscriptions.selectors import subscriptions_visible_to
from subscriptions.services.bulk import ACTIONS, Act, values_of

LARGEST_FILE = 4_000_000
COLUMNS = ("id", Act.NICKNAME.value, Act.QUANTITY.value, Act.AUTO_RENEW.value, Act.PARTNER_ID.value)
NO_RESELLER = "-"
_ON = {"on", "true", "yes", "1", "tak"}
_OFF = {"off", "false", "no", "0", "nie"}
_OTHER_NAMES = {"subscription_id": "id", "partnerid": "partner_id", "autorenew": "auto_renew"}
_LARGEST_QUANTITY = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number in the file (the heading is 1), the id as it stands there, and the new values."""

    number: int
    id: str
    asked: dict[str, Any]
    refusal: HubError | None = None


class FileUnreadable(ValueError):
    """The file as a whole cannot be read; the text says why, untranslated."""


def read_lines(content: bytes) -> list[Line]:
    """The lines of a CSV file: UTF-8, separated by commas, semicolons or tabs; an empty cell leaves a value as it is.

    A cell that is no value becomes the refusal of its line. Raises FileUnreadable.
    """
    rows = _rows(content)
    heading = [_column(cell) for cell in next(rows, [])]
    if "id" not in heading:
        raise FileUnreadable(gettext_noop("The first line must name the columns, among them “id”."))
    if not set(heading) & set(COLUMNS[1:]):
        raise FileUnreadable(gettext_noop("No column holds new values: nickname, quantity, auto_renew or partner_id."))
    if any(heading.count(name) > 1 for name in COLUMNS):
        raise FileUnreadable(gettext_noop("A column stands in the file more than once."))
    lines = [_line(number, dict(zip(heading, cells, strict=False))) for number, cells in _numbered(rows)]
    if len(lines) > MOST_ROWS:
        raise FileUnreadable(gettext_noop("The file has more than 10,000 lines."))
    return lines


def plan_file(actor: Actor, lines: list[Line], *, reason: str, at: datetime) -> Job:
    """Plan what a file asks for; each of its lines is a row of the plan. Raises what `create_job` raises."""
    acts = [act.value for act in Act if any(act.value in line.asked for line in lines)]
    order = {"acts": acts, "reason": reason, "matching": None, "file": True}
    return create_job(actor, Order(BULK, order, list(_wanted(actor, lines))), at=at)


def values_now(found: Iterator[Subscription]) -> Iterator[list[str]]:
    """The lines, under COLUMNS, of a file that changes nothing yet: what each subscription has now."""
    for one in found:
        renews = "on" if one.auto_renew else "off"
        yield [str(one.pk), one.nickname, str(one.quantity), renews, one.reseller_id or ""]


def _wanted(actor: Actor, lines: list[Line]) -> Iterator[Wanted]:
    ids = {found for line in lines if (found := _as_id(line.id)) is not None}
    visible = subscriptions_visible_to(actor).prefetch_related(None).in_bulk(list(ids))
    first: dict[UUID, int] = {}
    for number, line in enumerate(lines, start=1):
        one = visible.get(_as_id(line.id) or UUID(int=0))
        if one is None:
            yield Wanted(None, line.id or "–", line.asked, refusal=NotFound(what="subscription", id=line.id or "–"))
        elif one.pk in first:
            repeated = RepeatedRow(row=first[one.pk])
            yield Wanted(None, one.nickname, line.asked, one.customer.name, refusal=repeated)
        else:
            first[one.pk] = number
            refusal = line.refusal or _not_his(actor, line)
            plan = {"before": values_of(one, line.asked)}
            yield Wanted(one.pk, one.nickname, line.asked, one.customer.name, plan, refusal)


def _not_his(actor: Actor, line: Line) -> HubError | None:
    denied = next((ACTIONS[Act(name)] for name in line.asked if not actor.may(ACTIONS[Act(name)])), None)
    return NotPermitted(role=actor.role.value, action=denied.value, who_can="admin_agent") if denied else None


def _rows(content: bytes) -> Iterator[list[str]]:
    if len(content) > LARGEST_FILE:
        raise FileUnreadable(gettext_noop("The file is larger than 4 MB."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileUnreadable(gettext_noop("The file is not UTF-8 text.")) from None
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    return _parsed(text.replace("\0", ""), delimiter)


def _parsed(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error:
        raise FileUnreadable(gettext_noop("The file is not a CSV file.")) from None


def _numbered(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    return ((number, cells) for number, cells in enumerate(rows, start=2) if any(cell.strip() for cell in cells))


def _column(cell: str) -> str:
    name = cell.strip().lower().replace("-", "_").replace(" ", "_")
    return _OTHER_NAMES.get(name, name)


def _line(number: int, cells: dict[str, str]) -> Line:
    asked: dict[str, Any] = {}
    refusal: HubError | None = None
    for name, read in _READERS.items():
        text = _plain(cells.get(name.value, ""))
        if not text:
            continue
        try:
            asked[name.value] = read(text)
        except ValueError as problem:
            refusal = refusal or InvalidInput(field=name.value, problem=str(problem))
    return Line(number, cells.get("id", "").strip(), asked, refusal)


def _plain(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from calculating it."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and neutral(text[1:]) == text else text


def _quantity(text: str) -> int:
    is_short = text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST_QUANTITY))
    if not is_short or not 1 <= int(text) <= _LARGEST_QUANTITY:
        raise ValueError(gettext_noop("a whole number from 1 is expected"))
    return int(text)


def _switch(text: str) -> bool:
    if text.lower() not in _ON | _OFF:
        raise ValueError(gettext_noop("on or off is expected"))
    return text.lower() in _ON


def _partner_id(text: str) -> str:
    return "" if text == NO_RESELLER else text[:16]


_READERS: dict[Act, Callable[[str], Any]] = {
    Act.NICKNAME: str,
    Act.QUANTITY: _quantity,
    Act.AUTO_RENEW: _switch,
    Act.PARTNER_ID: _partner_id,
}


def _as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
