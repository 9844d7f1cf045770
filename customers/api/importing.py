"""Importing customers and resellers by one call: a job that is planned, looked at, and then confirmed."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize_for_all, who_can
from customers.imports import CUSTOMERS, MOST_ROWS, RESELLERS, Import, plan_import
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked, storable
from partnerhub.api.schema import ACCEPTED, operation
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import ConcernsEveryCustomer, InvalidInput, NothingSelected, NotPermitted
from partnerhub.jobs.api import examples as job_examples
from partnerhub.jobs.api import shapes
from partnerhub.jobs.api.leading import leads_to_job
from partnerhub.jobs.api.shapes import JobShown
from partnerhub.jobs.selectors import tally_of
from partnerhub.web.uploads import Line, UnreadableTable, read_table

LONGEST_CELL = 500
KEEPERS = who_can(Action.CUSTOMER_MANAGE)
REFUSALS = (NotPermitted, ConcernsEveryCustomer, InvalidInput, NothingSelected)
ABOUT = (
    "A row is found by its `{key}`. A column or cell that is missing leaves a value as it is, `-` empties it. Nothing "
    "is changed before the job is confirmed; with `allOrNone` it cannot be while one row is refused. "
    "Columns: {columns}."
)
_PLANNING: dict[str, Any] = {**job_examples.PLANNING, "kind": "customers.import", "title": "Import customers"}
_OF_RESELLERS: dict[str, Any] = {**job_examples.PLANNING, "kind": "resellers.import", "title": "Import resellers"}


class ImportBody(serializers.Serializer[Any]):
    """`csv`, the text of the file, or `rows`, each an object of texts by column."""

    csv = serializers.CharField(trim_whitespace=False, required=False, allow_null=True)
    rows = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField(max_length=LONGEST_CELL, allow_blank=True)),
        max_length=MOST_ROWS,
        required=False,
        allow_null=True,
    )
    allOrNone = serializers.BooleanField(required=False, allow_null=True)


class CustomerImports(OwnResource):
    @operation(
        "planCustomersJob",
        "Plan an import of customers",
        JobShown,
        status=202,
        body=ImportBody,
        headers=ACCEPTED,
        about=ABOUT.format(key=CUSTOMERS.key, columns=", ".join(CUSTOMERS.columns)),
        roles=KEEPERS,
        refusals=REFUSALS,
        example={"rows": [{"domain": "fabrykam.example", "city": "Gdynia"}]},
        answer=_PLANNING,
    )
    @leads_to_job
    @idempotent
    def post(self, request: Request) -> Response:
        return _planned(request, CUSTOMERS)


class ResellerImports(OwnResource):
    @operation(
        "planResellersJob",
        "Plan an import of indirect resellers",
        JobShown,
        status=202,
        body=ImportBody,
        headers=ACCEPTED,
        about=ABOUT.format(key=RESELLERS.key, columns=", ".join(RESELLERS.columns)),
        roles=KEEPERS,
        refusals=REFUSALS,
        example={"csv": "partner_id,name,country\n7654321,Litware Partnerzy,PL\n"},
        answer=_OF_RESELLERS,
    )
    @leads_to_job
    @idempotent
    def post(self, request: Request) -> Response:
        return _planned(request, RESELLERS)


def _planned(request: Request, kind: Import[Any]) -> Response:
    actor = caller(request)
    authorize_for_all(actor, Action.CUSTOMER_MANAGE)
    values = checked(ImportBody(data=body_of(request)))
    job = plan_import(actor, kind, _lines(values, kind), all_or_none=bool(values.get("allOrNone")), at=now())
    return Response(shapes.job(job, tally_of(job)), 202)


def _lines(values: dict[str, Any], kind: Import[Any]) -> list[Line]:
    csv, rows = values.get("csv"), values.get("rows")
    if (csv is None) == (rows is None):
        raise InvalidInput(field="body", problem="one of csv, rows is expected")
    if csv is None:
        return [_line(number, row, kind) for number, row in enumerate(rows or [], start=1)]
    if not storable(csv):
        raise InvalidInput(field="csv", problem="it holds what is no text")
    try:
        return read_table(csv.encode(), columns=kind.columns, required=[kind.key], most=MOST_ROWS)
    except UnreadableTable as problem:
        raise InvalidInput(field="csv", problem=str(problem)) from None


def _line(number: int, row: dict[str, str], kind: Import[Any]) -> Line:
    if strangers := [name for name in row if name not in kind.columns]:
        raise InvalidInput(field="rows", problem=f"there is no column {strangers[0][:50]}")
    if not row.get(kind.key, "").strip():
        raise InvalidInput(field="rows", problem=f"each needs its {kind.key}")
    if not all(map(storable, row.values())):
        raise InvalidInput(field="rows", problem="they hold what is no text")
    return Line(number, {name: text.strip() for name, text in row.items()})
