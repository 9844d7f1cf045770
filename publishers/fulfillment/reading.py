"""Reading what a publisher's answer says (fulfillment-v2.md section 5). Pure; the text is a stranger's."""

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from publishers.fulfillment.gateway import Said

UNFINISHED, UNCHANGED = frozenset({"NotStarted", "InProgress"}), "Conflict"
OPERATION_STATUSES = UNFINISHED | {"Succeeded", "Failed", UNCHANGED}
STATUSES = frozenset({"NotStarted", "PendingFulfillmentStart", "Subscribed", "Suspended", "Unsubscribed"})
LARGEST_QUANTITY = 2_147_483_647
LONGEST_MESSAGE, LONGEST_URL, LONGEST_PLAN_ID, LONGEST_EXCERPT = 500, 1000, 50, 80
LONGEST_REASON = 200

# Anything long without a space might be a credential that was echoed.
_TOKEN_LIKE = re.compile(r"[A-Za-z0-9_\-+/=.~%]{20,}")
_NAMED_SECRET = re.compile(r"((?:token|secret|password|authorization|key)\W{1,4})\w[^\s\"'&,}]*", re.IGNORECASE)


class Unreadable(Exception):
    """An answer that states nothing; the message is a sentence for people, free of secrets."""


@dataclass(frozen=True, slots=True)
class OperationSaid:
    """A publisher's statement about an operation of its own; `reason` is its errorMessage, free of secrets."""

    status: str
    reason: str
    id: str = ""
    action: str = ""
    plan_id: str = ""
    quantity: int | None = None


def read_said(body: bytes, subscription_id: UUID) -> Said:
    """The statement in a Subscription document. Unknown members are ignored; raises Unreadable for anything wrong."""
    document = _document(body)
    if "id" in document and str(document["id"]).lower() != str(subscription_id):
        raise Unreadable(f"The answer is about another subscription: {excerpt(str(document['id']))}")
    return Said(
        status=_status(document),
        plan_id=_plan_id(document),
        quantity=_quantity(document, "quantity"),
        assigned_quantity=_quantity(document, "assignedQuantity"),
        message=printable(_text(document, "messageToPartner"))[:LONGEST_MESSAGE],
        action_url=_web_address(_text(document, "actionUrl")),
    )


def read_operation(body: bytes, remote_id: str) -> OperationSaid:
    """The statement in an operation document. Unknown members are ignored; raises Unreadable for anything wrong."""
    document = _document(body)
    if "id" in document and str(document["id"]).lower() != remote_id.lower():
        raise Unreadable(f"The answer is about another operation: {excerpt(str(document['id']))}")
    status = document.get("status")
    if not isinstance(status, str) or status not in OPERATION_STATUSES:
        raise Unreadable(f"The operation's status is none that we know: {excerpt(_shown(status))}")
    return OperationSaid(status, excerpt(_text(document, "errorMessage"), LONGEST_REASON))


def read_pending(body: bytes) -> list[OperationSaid]:
    """The unfinished operations in a list, bare or wrapped. What cannot be read is left out; raises Unreadable when it
    is no list at all.
    """
    listed = _json(body)
    rows = listed.get("operations") if isinstance(listed, dict) else listed
    if not isinstance(rows, list):
        raise Unreadable(f"The answer lists no operations: {excerpt(json.dumps(listed)[:4000])}")
    return [_pending(row) for row in rows[:100] if isinstance(row, dict) and row.get("status") in UNFINISHED]


def read_reason(body: bytes) -> str:
    """Why something was refused, in any of the shapes of an error (fulfillment-v2.md section 1); maybe empty."""
    try:
        said = _json(body)
    except Unreadable:
        return excerpt(body[:4000].decode("utf-8", "replace"))
    if isinstance(said, dict):
        said = next((said[name] for name in ("error", "Error") if isinstance(said.get(name), dict)), said)
        said = said.get("message") or said.get("Message")
    return excerpt(said, LONGEST_REASON) if isinstance(said, str) else ""


def excerpt(text: str, longest: int = LONGEST_EXCERPT) -> str:
    """The first printable characters of a stranger's text, without anything that looks like a credential."""
    shown = _TOKEN_LIKE.sub("[…]", _NAMED_SECRET.sub(r"\1[…]", printable(text[:2000])))
    return shown[:longest] + ("…" if len(shown) > longest else "")


def printable(text: str) -> str:
    """Text in one line, without control, formatting and surrogate characters."""
    if text.isprintable():
        return " ".join(text.split())
    kept = (" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())


def _pending(row: dict[str, Any]) -> OperationSaid:
    quantity = str(row.get("quantity"))
    words = {name: str(row.get(name) or "") for name in ("id", "action", "planId")}
    return OperationSaid(
        str(row["status"]),
        "",
        words["id"],
        words["action"],
        words["planId"],
        int(quantity) if re.fullmatch(r"[0-9]{1,10}", quantity) else None,
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable(f"The answer is not JSON: {excerpt(body[:4000].decode('utf-8', 'replace'))}") from None


def _document(body: bytes) -> dict[str, Any]:
    document = _json(body)
    if not isinstance(document, dict):
        raise Unreadable(f"The answer is not a JSON object: {excerpt(json.dumps(document)[:4000])}")
    return document


def _status(document: dict[str, Any]) -> str:
    status = document.get("saasSubscriptionStatus")
    if not isinstance(status, str) or status not in STATUSES:
        raise Unreadable(f"The status is none that we know: {excerpt(_shown(status))}")
    return status


def _plan_id(document: dict[str, Any]) -> str:
    plan_id = document.get("planId")
    if not isinstance(plan_id, str) or not 0 < len(plan_id) <= LONGEST_PLAN_ID or printable(plan_id) != plan_id:
        raise Unreadable(f"The planId is not a plan's id: {excerpt(_shown(plan_id))}")
    return plan_id


def _quantity(document: dict[str, Any], name: str) -> int | None:
    """A whole number or None. Old publishers write numbers in quotes, or as 7.0; an empty text counts as absent."""
    value = document.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_QUANTITY:
        raise Unreadable(f"The {name} is not a number of licences: {excerpt(_shown(value))}")
    return value


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"The {name} is not text: {excerpt(_shown(value))}")
    return value or ""


def _web_address(text: str) -> str:
    """The address as it is when a browser may open it, else nothing."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    fit = parts.scheme in ("http", "https") and parts.hostname and len(text) <= LONGEST_URL
    return text if fit and printable(text) == text and " " not in text else ""


def _shown(value: object) -> str:
    return json.dumps(value, default=str)[:4000] if value is not None else "nothing"
