"""Telling a publisher by its webhook (fulfillment-v2.md section 8): at least once, in no particular order."""

from collections.abc import Mapping
from dataclasses import replace
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from publishers.fulfillment.calling import Caller, CallFailed, failure_of, said_refusal
from publishers.fulfillment.exchanging import Reply
from publishers.fulfillment.gateway import Address, Outcome, Posted, Progress, Receipt
from publishers.fulfillment.reading import excerpt

LONGEST_ANSWER = 499


async def deliver(caller: Caller, address: Address, notice: Mapping[str, Any], ids: Mapping[str, str]) -> Receipt:
    """Post a notice. 2xx: received; 4xx: the publisher declines, with its message; all else is to be tried again.

    Raises RuntimeError inside a database transaction: the publisher may call the hub back before it answers.
    """
    started = monotonic()
    reply = None
    try:
        reply = await caller.send("POST", address.webhook_url, address.token, ids, body=notice)
        receipt = _receipt(reply)
    except CallFailed as failure:
        receipt = Receipt(failure.outcome, detail=failure.detail, retry_after=failure.retry_after)
    return replace(receipt, posted=_posted(address, round((monotonic() - started) * 1000), reply))


def _receipt(reply: Reply) -> Receipt:
    if 200 <= reply.status < 300:
        return Receipt(Outcome.ANSWERED)
    if reply.is_refusal:
        return Receipt(Outcome.ANSWERED, detail=said_refusal(reply), progress=Progress.REFUSED)
    raise failure_of(reply)


def _posted(address: Address, milliseconds: int, reply: Reply | None) -> Posted:
    if reply is None:
        return Posted(without_values(address.webhook_url), milliseconds)
    said = excerpt(reply.body.decode("utf-8", "replace"), LONGEST_ANSWER)
    return Posted(without_values(address.webhook_url), milliseconds, reply.status, said)


def without_values(url: str) -> str:
    """An address without the values of its query: some webhooks carry a key there."""
    parts = urlsplit(url)
    names = (name for name, _value in parse_qsl(parts.query, keep_blank_values=True))
    return parts._replace(query="&".join(f"{quote(name)}=…" for name in names)).geturl()
