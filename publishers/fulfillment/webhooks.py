"""Telling a publisher by its webhook (fulfillment-v2.md section 8): at least once, in no particular order."""

from collections.abc import Mapping
from typing import Any

from publishers.fulfillment.calling import Caller, CallFailed, Reply, failure_of, said_refusal
from publishers.fulfillment.gateway import Address, Outcome, Progress, Receipt


async def deliver(caller: Caller, address: Address, notice: Mapping[str, Any], ids: Mapping[str, str]) -> Receipt:
    """Post a notice. 2xx: received; 4xx: the publisher declines, with its message; all else is to be tried again.

    Raises RuntimeError inside a database transaction: the publisher may call the hub back before it answers.
    """
    try:
        return _receipt(await caller.send("POST", address.webhook_url, address.token, ids, body=notice))
    except CallFailed as failure:
        return Receipt(failure.outcome, detail=failure.detail, retry_after=failure.retry_after)


def _receipt(reply: Reply) -> Receipt:
    if 200 <= reply.status < 300:
        return Receipt(Outcome.ANSWERED)
    if reply.is_refusal:
        return Receipt(Outcome.ANSWERED, detail=said_refusal(reply), progress=Progress.REFUSED)
    raise failure_of(reply)
