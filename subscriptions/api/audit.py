"""Audit records: who did what, or tried to, as Partner Center tells it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import TypedDict

from django.conf import settings
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, who_can
from partnerhub.api.pages import page_of
from partnerhub.api.reading import filter_of
from partnerhub.api.schema import PAGED, operation
from partnerhub.api.shapes import Attributes, Collection, Guid, Utc, collection, guid, utc
from partnerhub.api.views import Resource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NotFound
from partnerhub.outbox.models import Entry
from subscriptions.activity import ActivityFilter, activity_visible_to
from subscriptions.audit import Record, records_of, streams_of

DEFAULT_DAYS, OLDEST_DAYS = 30, 90
FIELDS, OPERATORS = ("companyname", "customerid", "resourcetype"), ("substring", "equals")
QUERY = {
    "startDate": "The first day in UTC, yyyy-MM-dd; 30 days before `endDate` when absent, 90 days ago at most.",
    "endDate": "The last day, included; today when absent.",
    "filter": (
        '`{"Field": "CompanyName", "Value": "cont", "Operator": "substring"}`, or `CustomerId` or `ResourceType` '
        "with `equals`."
    ),
}
ROLES = who_can(Action.SUBSCRIPTION_READ)
EXAMPLE = {
    "id": "4f0c2b7e-1f65-4d6e-9a53-0d8a1d6f2f10",
    "partnerId": "1234567",
    "customerId": "8f0b9c9e-5c0f-4a55-8a68-0d9f8b8d8a11",
    "customerName": "Contoso",
    "userPrincipalName": "anna@partnerhub.example",
    "applicationId": "",
    "resourceType": "subscription",
    "resourceOldValue": '{"nickname": "CRM"}',
    "resourceNewValue": '{"nickname": "CRM Kraków"}',
    "operationType": "update_subscription",
    "originalCorrelationId": "0b7c1f9a-2a0e-4b55-9f5c-1f3d2c4b5a69",
    "operationDate": "2026-11-20T12:00:00Z",
    "operationStatus": "succeeded",
    "customizedData": [{"key": "Event", "value": "subscription.renamed"}, {"key": "Role", "value": "admin_agent"}],
    "attributes": {"objectType": "AuditRecord"},
}


class KeyValue(TypedDict):
    key: str
    value: str


class AuditRecord(TypedDict):
    """What happened or, with `operationStatus` `failed`, was refused. Old and new values are JSON as text.

    `applicationId` is that of an API client, `userPrincipalName` the e-mail address of a person, or the name of who
    else it was. In `customizedData`, `Event` is the hub's own name of what happened.
    """

    id: Guid
    partnerId: str
    customerId: str
    customerName: str
    userPrincipalName: str
    applicationId: str
    resourceType: str
    resourceOldValue: str | None
    resourceNewValue: str | None
    operationType: str
    originalCorrelationId: str
    operationDate: Utc
    operationStatus: str
    customizedData: list[KeyValue]
    attributes: Attributes


class AuditRecords(Resource):
    @operation(
        "listAuditRecords",
        "Who did what, or tried to",
        Collection[AuditRecord],
        query=QUERY,
        parameters=PAGED,
        about=(
            "The oldest first; `seekOperation=Last` begins with the newest. `totalCount` counts those of the page. "
            "What is older than 90 days is in the timeline of its subscription."
        ),
        roles=ROLES,
        refusals=(InvalidInput,),
        answer=collection([EXAMPLE], "/auditrecords"),
    )
    def get(self, request: Request) -> Response:
        since, until = _days(request, now().date())
        entries = _filtered(activity_visible_to(caller(request)), request)
        page = page_of(
            entries.filter(at__gte=_midnight(since), at__lt=_midnight(until) + timedelta(days=1)),
            request,
            "/auditrecords",
            key="at",
        )
        shown = map(_shown, records_of(page.rows))
        return Response(collection(shown, "/auditrecords", following=page.following, preceding=page.preceding))


class AuditRecordById(Resource):
    @operation(
        "getAuditRecord",
        "One audit record",
        AuditRecord,
        about="However old it is. The `AuditUri` of a webhook leads here.",
        roles=ROLES,
        refusals=(NotFound,),
        answer=EXAMPLE,
    )
    def get(self, request: Request, record_id: str) -> Response:
        found = guid(record_id, "audit record")
        [*shown] = records_of(activity_visible_to(caller(request)).filter(pk=found))
        if not shown:
            raise NotFound(what="audit record", id=found)
        return Response(_shown(shown[0]))


def _days(request: Request, today: date) -> tuple[date, date]:
    """The first and the last day that are asked for, both included. Raises InvalidInput."""
    oldest = today - timedelta(days=OLDEST_DAYS)
    until = _day(request, "endDate") or today
    since = _day(request, "startDate") or max(oldest, until - timedelta(days=min(DEFAULT_DAYS, until.toordinal() - 1)))
    if since < oldest:
        raise InvalidInput(field="startDate", problem=f"{since} is more than {OLDEST_DAYS} days ago")
    if until < since:
        raise InvalidInput(field="endDate", problem=f"{until} is before {since}")
    return since, min(until, today)


def _day(request: Request, name: str) -> date | None:
    text = request.query_params.get(name, "")
    try:
        return date.fromisoformat(text.partition("T")[0]) if text else None
    except ValueError:
        raise InvalidInput(field=name, problem="a day as yyyy-MM-dd is expected") from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _filtered(entries: QuerySet[Entry], request: Request) -> QuerySet[Entry]:
    asked = filter_of(request, FIELDS, OPERATORS)
    if asked is None:
        return entries
    if not asked.value.strip() or (asked.field == "companyname" and asked.operator != "substring"):
        raise InvalidInput(field="filter", problem="a Value is expected, and substring of a CompanyName")
    if asked.field == "resourcetype":
        return entries.filter(stream_type__in=streams_of(asked.value.lower()))
    value = str(guid(asked.value, "customer")) if asked.field == "customerid" else asked.value
    narrowed: QuerySet[Entry] = ActivityFilter({"customer": value}, queryset=entries).qs
    return narrowed


def _shown(record: Record) -> AuditRecord:
    entry, subject = record.entry, record.subject
    is_program = entry.actor_kind in ("client", "publisher")
    return AuditRecord(
        id=str(entry.pk),
        partnerId=settings.HUB_PARTNER_ID,
        customerId=str(subject.customer_id or ""),
        customerName=subject.customer_name,
        userPrincipalName=record.person or entry.actor_label,
        applicationId=entry.actor_id if is_program else "",
        resourceType=record.resource,
        resourceOldValue=record.old,
        resourceNewValue=record.new,
        operationType=record.operation,
        originalCorrelationId=entry.correlation_id,
        operationDate=utc(entry.at),
        operationStatus="failed" if entry.code else "succeeded",
        customizedData=_customized(record),
        attributes=Attributes(objectType="AuditRecord"),
    )


def _customized(record: Record) -> list[KeyValue]:
    entry = record.entry
    own = {
        "Event": entry.name,
        "Role": entry.actor_role,
        "Reason": entry.reason,
        "RequestId": entry.request_id,
        "Refusal": entry.code,
        "RefusalDescription": entry.sentence,
    }
    named = [*record.subject.facts, *((key, value) for key, value in own.items() if value)]
    return [KeyValue(key=key, value=value) for key, value in named]
