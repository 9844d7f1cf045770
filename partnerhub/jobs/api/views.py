"""Jobs for programs: how far each is, its rows, its results as a file, and every decision about it."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import AGENT_ROLES, Action, Actor, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.pages import page_of, total_of
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import ACCEPTED, PAGED, operation
from partnerhub.api.shapes import Collection, collection, guid
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import (
    ImportIncomplete,
    InvalidInput,
    JobMovedOn,
    NotFound,
    NothingSelected,
    NotPermitted,
    PhraseMismatch,
    TooManyRows,
)
from partnerhub.jobs import services
from partnerhub.jobs.api import examples, shapes
from partnerhub.jobs.api.leading import leads_to_job
from partnerhub.jobs.api.shapes import JobRowShown, JobShown
from partnerhub.jobs.enums import RowStatus
from partnerhub.jobs.models import Job
from partnerhub.jobs.selectors import job_for, jobs_visible_to, tallies_of, tally_of
from partnerhub.jobs.showing import file_headings, file_rows, rows_shown
from partnerhub.web.export import csv_response

# Who could have ordered one; what a job does, its own kind authorizes once more.
ORDERERS = who_can(Action.SUBSCRIPTION_BULK)
CSV = "text/csv; charset=utf-8"
READING = (NotPermitted, NotFound)
DECIDING = (*READING, JobMovedOn)
STATUS = OpenApiParameter("status", {"type": "string", "enum": [*RowStatus]}, description="Only rows of this status.")


class ConfirmationBody(serializers.Serializer[dict[str, str]]):
    """`phrase` as the job says it, where it asks for one."""

    phrase = serializers.CharField(max_length=200, required=False, allow_null=True, allow_blank=True)


class Jobs(OwnResource):
    @operation(
        "listJobs",
        "Jobs, the oldest first",
        Collection[JobShown],
        parameters=PAGED,
        about="The client's own; those of everybody for who oversees jobs.",
        roles=AGENT_ROLES,
        refusals=(NotPermitted, InvalidInput),
        answer=examples.JOBS,
    )
    def get(self, request: Request) -> Response:
        rows = jobs_visible_to(caller(request))
        page = page_of(rows, request, "/jobs", key="created_at")
        tallies, total = tallies_of(page.rows), total_of(page, rows)
        shown = (shapes.listed(one, tallies[one.pk]) for one in page.rows)
        return Response(collection(shown, "/jobs", total=total, following=page.following, preceding=page.preceding))


class JobById(OwnResource):
    http_method_names = [*OwnResource.http_method_names, "delete"]

    @operation(
        "getJob",
        "How far a job is",
        JobShown,
        about="Where an answer of 202 leads. Planned within seconds; then it waits to be confirmed, for a week.",
        roles=AGENT_ROLES,
        refusals=READING,
        answer=examples.PLANNED,
    )
    def get(self, request: Request, job_id: str) -> Response:
        return _shown(job_for(caller(request), guid(job_id, "job")))

    @operation(
        "discardJob",
        "Forget a plan that was not confirmed",
        None,
        status=204,
        about="Nothing was changed by it.",
        roles=AGENT_ROLES,
        refusals=DECIDING,
    )
    @idempotent
    def delete(self, request: Request, job_id: str) -> Response:
        services.discard(caller(request), guid(job_id, "job"))
        return Response(status=204)


class JobRows(OwnResource):
    @operation(
        "listJobRows",
        "The plan and the results, row by row",
        Collection[JobRowShown],
        parameters=(STATUS, *PAGED),
        about="By number.",
        roles=AGENT_ROLES,
        refusals=(*READING, InvalidInput),
        answer=examples.ROWS,
    )
    def get(self, request: Request, job_id: str) -> Response:
        found = job_for(caller(request), guid(job_id, "job"))
        rows, uri = rows_shown(found, ""), f"/jobs/{found.pk}/rows"
        if status := request.query_params.get("status"):
            if status not in list(RowStatus):
                raise InvalidInput(field="status", problem=f"one of {', '.join(RowStatus)} is expected")
            rows = rows.filter(status=status)
        page, total = page_of(rows, request, uri, key="number"), rows.count()
        shown = map(shapes.row, page.rows)
        return Response(collection(shown, uri, total=total, following=page.following, preceding=page.preceding))


class JobResults(OwnResource):
    @operation(
        "getJobResults",
        "The plan and the results as a file",
        str,
        media_type=CSV,
        about="CSV, one line for each thing that changes.",
        roles=AGENT_ROLES,
        refusals=READING,
    )
    def get(self, request: Request, job_id: str) -> StreamingHttpResponse:
        found = job_for(caller(request), guid(job_id, "job"))
        return csv_response(f"job-{found.pk}", file_headings(), file_rows(found))


class Confirmation(OwnResource):
    @operation(
        "confirmJob",
        "Let a planned job run",
        JobShown,
        body=ConfirmationBody,
        about="In the client's name and role. Confirmed already: nothing happens. Rows that have moved are refused.",
        roles=ORDERERS,
        refusals=(*DECIDING, InvalidInput, PhraseMismatch, NothingSelected, ImportIncomplete),
        example=examples.CONFIRMATION,
        answer=examples.RUNNING,
    )
    @idempotent
    def post(self, request: Request, job_id: str) -> Response:
        phrase = checked(ConfirmationBody(data=body_of(request))).get("phrase") or ""
        return _decided(request, job_id, lambda who, pk, at: services.confirm(who, pk, phrase=phrase, at=at))


class Pause(OwnResource):
    @operation(
        "pauseJob",
        "Begin no further row",
        JobShown,
        about="Until it is resumed.",
        roles=AGENT_ROLES,
        refusals=DECIDING,
        answer=examples.PAUSED,
    )
    @idempotent
    def post(self, request: Request, job_id: str) -> Response:
        return _decided(request, job_id, lambda who, pk, at: services.pause(who, pk, at=at))


class Resumption(OwnResource):
    @operation(
        "resumeJob",
        "Go on where a paused job stands",
        JobShown,
        about="Row by row.",
        roles=AGENT_ROLES,
        refusals=DECIDING,
        answer=examples.RUNNING,
    )
    @idempotent
    def post(self, request: Request, job_id: str) -> Response:
        return _decided(request, job_id, lambda who, pk, at: services.resume(who, pk, at=at))


class Stop(OwnResource):
    @operation(
        "stopJob",
        "End a job for good",
        JobShown,
        about="What it has done stays, the rest is left undone.",
        roles=AGENT_ROLES,
        refusals=DECIDING,
        answer=examples.STOPPED,
    )
    @idempotent
    def post(self, request: Request, job_id: str) -> Response:
        return _decided(request, job_id, lambda who, pk, at: services.stop(who, pk, at=at))


class Retry(OwnResource):
    @operation(
        "retryJob",
        "Try the rows again that failed",
        JobShown,
        about="Those that failed for a reason of the hub's own; what was refused is planned again.",
        roles=AGENT_ROLES,
        refusals=DECIDING,
        answer=examples.RUNNING,
    )
    @idempotent
    def post(self, request: Request, job_id: str) -> Response:
        return _decided(request, job_id, lambda who, pk, at: services.retry_failed(who, pk, at=at))


class Again(OwnResource):
    @operation(
        "planJobAgain",
        "A new plan of what a job that is over has left undone",
        JobShown,
        status=202,
        headers=ACCEPTED,
        about="Answers the new job.",
        roles=ORDERERS,
        refusals=(*DECIDING, NothingSelected, TooManyRows),
        answer=examples.PLANNING,
    )
    @leads_to_job
    @idempotent
    def post(self, request: Request, job_id: str) -> Response:
        return _decided(request, job_id, lambda who, pk, at: services.plan_again(who, pk, at=at), 202)


def _decided(request: Request, job_id: str, act: Callable[[Actor, UUID, datetime], Job], status: int = 200) -> Response:
    actor, pk = caller(request), guid(job_id, "job")
    job_for(actor, pk)
    return _shown(act(actor, pk, now()), status)


def _shown(found: Job, status: int = 200) -> Response:
    return Response(shapes.job(found, tally_of(found)), status)
