"""Changing many subscriptions by one call: a job that is planned, looked at, and then confirmed."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, Actor, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked, storable
from partnerhub.api.schema import ACCEPTED, operation
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NothingSelected, NotPermitted, TooManyRows
from partnerhub.jobs.api import examples as job_examples
from partnerhub.jobs.api import shapes
from partnerhub.jobs.api.leading import leads_to_job
from partnerhub.jobs.api.shapes import JobShown
from partnerhub.jobs.models import Job
from partnerhub.jobs.selectors import tally_of
from partnerhub.jobs.services import MOST_ROWS
from subscriptions.bulk import plan_selected
from subscriptions.bulk_file import FileUnreadable, Line, plan_file, read_lines
from subscriptions.bulk_forms import LARGEST_QUANTITY
from subscriptions.services.bulk import Act, authorize_bulk

EXAMPLE: dict[str, Any] = {"subscriptionIds": [job_examples.SUBSCRIPTION_ID], "change": {"poll": True}}
LONGEST_QUERY = 4000
MEMBERS = {
    "friendlyName": Act.NICKNAME,
    "quantity": Act.QUANTITY,
    "autoRenewEnabled": Act.AUTO_RENEW,
    "partnerId": Act.PARTNER_ID,
}
# What stands alone: asking changes nothing, and what is cancelled needs no other change.
ALONE = (Act.POLL, Act.CANCEL)
WAYS = ("subscriptionIds", "matching", "rows", "csv")


class ValuesBody(serializers.Serializer[Any]):
    """New values, as PATCH of a subscription names them; `partnerId` of no characters removes the reseller."""

    friendlyName = serializers.CharField(max_length=200, required=False, allow_null=True)
    quantity = serializers.IntegerField(min_value=1, max_value=LARGEST_QUANTITY, required=False, allow_null=True)
    autoRenewEnabled = serializers.BooleanField(required=False, allow_null=True)
    partnerId = serializers.CharField(max_length=16, required=False, allow_null=True, allow_blank=True)


class BulkChangeBody(ValuesBody):
    """The same for all of them: new values, or `status` `deleted`, or `poll`."""

    status = serializers.ChoiceField(choices=["deleted"], required=False, allow_null=True)
    poll = serializers.BooleanField(required=False, allow_null=True)


class BulkRowBody(ValuesBody):
    """One subscription and its own new values."""

    subscriptionId = serializers.CharField(max_length=64)


class BulkBody(serializers.Serializer[Any]):
    """`change` of `subscriptionIds`, or of all that the query of the list page leaves (`matching`); or `rows`, or `csv`
    with the columns id, nickname, quantity, auto_renew, partner_id.
    """

    subscriptionIds = serializers.ListField(
        child=serializers.UUIDField(), max_length=MOST_ROWS, required=False, allow_null=True
    )
    matching = serializers.CharField(max_length=LONGEST_QUERY, required=False, allow_null=True, allow_blank=True)
    change = BulkChangeBody(required=False, allow_null=True)
    rows = serializers.ListField(child=BulkRowBody(), max_length=MOST_ROWS, required=False, allow_null=True)
    csv = serializers.CharField(trim_whitespace=False, required=False, allow_null=True)
    reason = serializers.CharField(max_length=500, required=False, allow_null=True, allow_blank=True)


class BulkJobs(OwnResource):
    @operation(
        "planSubscriptionsJob",
        "Plan a change of many subscriptions",
        JobShown,
        status=202,
        body=BulkBody,
        headers=ACCEPTED,
        about=(
            "Nothing is changed yet: the job is planned within seconds, each row by the rules of a single change, and "
            f"does what was planned once it is confirmed. Up to {MOST_ROWS} rows. What each value needs of the role "
            "is what a single change needs."
        ),
        roles=who_can(Action.SUBSCRIPTION_BULK),
        refusals=(NotPermitted, InvalidInput, NothingSelected, TooManyRows),
        example=EXAMPLE,
        answer=job_examples.PLANNING,
    )
    @leads_to_job
    @idempotent
    def post(self, request: Request) -> Response:
        actor = caller(request)
        authorize_bulk(actor, [])
        values = checked(BulkBody(data=body_of(request)))
        ways = [way for way in WAYS if values.get(way) is not None]
        if len(ways) != 1:
            raise InvalidInput(field="body", problem=f"one of {', '.join(WAYS)} is expected")
        job = _PLANS[ways[0]](actor, values)
        return Response(shapes.job(job, tally_of(job)), 202)


def _plan_selection(actor: Actor, values: dict[str, Any]) -> Job:
    asked, reason = _asked(values.get("change") or {}), _reason(values)
    authorize_bulk(actor, [Act(name) for name in asked])
    if Act.CANCEL in asked and not reason:
        raise InvalidInput(field="reason", problem="it is needed for cancelling")
    ids = list(dict.fromkeys(values.get("subscriptionIds") or []))
    return plan_selected(actor, ids, values.get("matching"), asked, reason=reason, at=now())


def _plan_rows(actor: Actor, values: dict[str, Any]) -> Job:
    lines = [Line(number, row["subscriptionId"], _values(row)) for number, row in enumerate(values["rows"], start=1)]
    if any(not line.asked for line in lines):
        raise InvalidInput(field="rows", problem="each names at least one new value")
    return plan_file(actor, lines, reason=_reason(values), at=now())


def _plan_csv(actor: Actor, values: dict[str, Any]) -> Job:
    if not storable(values["csv"]):
        raise InvalidInput(field="csv", problem="it holds what is no text")
    try:
        lines = read_lines(values["csv"].encode())
    except FileUnreadable as problem:
        raise InvalidInput(field="csv", problem=str(problem)) from None
    return plan_file(actor, lines, reason=_reason(values), at=now())


_PLANS: dict[str, Callable[[Actor, dict[str, Any]], Job]] = {
    "subscriptionIds": _plan_selection,
    "matching": _plan_selection,
    "rows": _plan_rows,
    "csv": _plan_csv,
}


def _asked(change: dict[str, Any]) -> dict[str, Any]:
    """What is asked of each, by act. Raises InvalidInput for nothing, or for what does not go together."""
    asked = _values(change)
    if change.get("poll"):
        asked[Act.POLL.value] = True
    if change.get("status"):
        asked[Act.CANCEL.value] = True
    if not asked or (len(asked) > 1 and any(act in asked for act in ALONE)):
        raise InvalidInput(field="change", problem="new values are expected, or status, or poll, by itself")
    return asked


def _values(given: dict[str, Any]) -> dict[str, Any]:
    return {act.value: given[name] for name, act in MEMBERS.items() if given.get(name) is not None}


def _reason(values: dict[str, Any]) -> str:
    return (values.get("reason") or "").strip()
