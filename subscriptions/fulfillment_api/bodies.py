"""Reading what publishers' programs send, which is not always what the documents say."""

import json
import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from subscriptions.fulfillment_api.errors import Fault

LARGEST_INT64 = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SubscriberPlan:
    """The body of activate and PATCH; None for what was not sent."""

    plan_id: str | None
    quantity: int | None


def subscriber_plan(request: HttpRequest) -> SubscriberPlan:
    """Read a plan and a quantity, a numeric string too, whatever the content type; nothing sent is all None.

    Raises Fault (400) naming the member that cannot be read.
    """
    sent = _json_object(request.body)
    return SubscriberPlan(_plan_id(sent.get("planId")), _quantity(sent.get("quantity")))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The body of PATCH on an operation: whether the publisher agrees, and what it says besides."""

    agrees: bool
    reason: str


def acknowledgement(request: HttpRequest) -> Acknowledgement:
    """Read the status of an operation; other members are tolerated. Raises Fault (400) for any other word."""
    sent = _json_object(request.body)
    status = sent.get("status")
    if status not in ("Success", "Failure"):
        raise Fault(400, "InvalidValue", "status must be Success or Failure.", "status")
    reason = next((sent[name] for name in ("errorMessage", "message") if isinstance(sent.get(name), str)), "")
    return Acknowledgement(status == "Success", reason)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise Fault(400, "BadRequest", "The body is not UTF-8.") from None
    sent = _parsed(text) if text else {}
    if not isinstance(sent, dict):
        raise Fault(400, "BadRequest", "The body must be a JSON object.")
    return sent


def _parsed(text: str) -> Any:
    # The publishers' old Python sample quotes its JSON with apostrophes.
    for candidate in (text, text.replace("'", '"')):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    raise Fault(400, "BadRequest", "The body is not JSON.")


def _plan_id(sent: Any) -> str | None:
    if sent is None or (isinstance(sent, str) and re.fullmatch(r"[ -~]{1,50}", sent)):
        return sent
    raise Fault(400, "InvalidValue", "planId must be a string of 1 to 50 printable ASCII characters.", "planId")


def _quantity(sent: Any) -> int | None:
    if sent is None:
        return None
    if isinstance(sent, str) and len(sent) <= 19 and sent.isascii() and sent.isdigit():
        sent = int(sent)
    if isinstance(sent, float) and sent.is_integer():
        sent = int(sent)
    if isinstance(sent, int) and not isinstance(sent, bool) and 0 < sent <= LARGEST_INT64:
        return sent
    raise Fault(400, "InvalidValue", "quantity must be a positive whole number.", "quantity")
