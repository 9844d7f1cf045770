"""The jobs of an agent: the list, and the page of one, which follows it until it is over."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from accounts.proofs import ask, proved_lately
from partnerhub.clock import now
from partnerhub.errors import HubError, NotFound, NotPermitted
from partnerhub.jobs import services
from partnerhub.jobs.enums import JobStatus
from partnerhub.jobs.kinds import kind_of
from partnerhub.jobs.models import Job
from partnerhub.jobs.selectors import Tally, job_for, jobs_visible_to, tallies_of, tally_of
from partnerhub.jobs.showing import JOB_BADGES, file_headings, file_rows, outcome_words, row_tabs, rows_shown, table_row
from partnerhub.web.conditional import known_etag, short_hash
from partnerhub.web.export import csv_response
from partnerhub.web.pages import keyset_page
from partnerhub.web.refusals import refused, sentence_of, sentence_of_code, status_of
from partnerhub.web.toasts import toasted

NEWEST_FIRST = ("-created_at", "-id")
BY_NUMBER = ("number", "id")


@require_safe
@login_required
def jobs(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    page = keyset_page(jobs_visible_to(actor), NEWEST_FIRST, request.GET)
    tallies = tallies_of(page.rows)
    context = {
        "rows": [_listed(job, tallies[job.pk]) for job in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "sees_all": actor.may(Action.JOB_OVERSEE),
    }
    return render(request, "jobs/list.html", context)


@require_safe
@login_required
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return _page(request, job_for(actor_of(request), job_id))


@require_safe
@login_required
def progress(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """How far the job is: 304 while nothing has changed. What it answers looks again by itself until all is done."""
    found = job_for(actor_of(request), job_id)
    tally = tally_of(found)
    if known_etag(request) == _etag(request, found, tally):
        return HttpResponseNotModified()
    response = render(request, "jobs/_job.html", _context(request, found, tally))
    if found.ended_at is not None:
        toasted(response, {"level": "success", "text": outcome_words(found, tally)})
    return response


@require_safe
@login_required
def export(request: HttpRequest, job_id: UUID) -> StreamingHttpResponse:
    """Plan and results of every row as CSV."""
    found = job_for(actor_of(request), job_id)
    return csv_response(f"job-{found.pk}", file_headings(), file_rows(found))


@require_POST
@login_required
def confirm(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Start the job."""
    phrase = request.POST.get("phrase", "")
    return _started(request, job_id, lambda actor, at: services.confirm(actor, job_id, phrase=phrase, at=at))


@require_POST
@login_required
def pause(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return _decided(request, job_id, lambda actor, at: services.pause(actor, job_id, at=at))


@require_POST
@login_required
def resume(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return _started(request, job_id, lambda actor, at: services.resume(actor, job_id, at=at))


@require_POST
@login_required
def stop(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return _decided(request, job_id, lambda actor, at: services.stop(actor, job_id, at=at))


@require_POST
@login_required
def retry(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return _started(request, job_id, lambda actor, at: services.retry_failed(actor, job_id, at=at))


@require_POST
@login_required
def again(request: HttpRequest, job_id: UUID) -> HttpResponse:
    return _decided(request, job_id, lambda actor, at: services.plan_again(actor, job_id, at=at))


@require_POST
@login_required
def discard(request: HttpRequest, job_id: UUID) -> HttpResponse:
    job_for(actor_of(request), job_id)
    try:
        services.discard(actor_of(request), job_id)
    except NotFound:
        raise
    except HubError as refusal:
        return _refused(request, job_id, refusal)
    messages.success(request, _("The plan is discarded. Nothing was changed."))
    return redirect("jobs:list")


def _started(request: HttpRequest, job_id: UUID, act: Callable[[Actor, datetime], Job]) -> HttpResponse:
    """Let rows be done; whoever starts what cannot be taken back has to be proved first."""
    found = job_for(actor_of(request), job_id)
    if kind_of(found).is_final(found) and not proved_lately(request):
        return ask(request)
    return _decided(request, job_id, act)


def _decided(request: HttpRequest, job_id: UUID, act: Callable[[Actor, datetime], Job]) -> HttpResponse:
    job_for(actor_of(request), job_id)
    try:
        found = act(actor_of(request), now())
    except (NotFound, NotPermitted):
        raise
    except HubError as refusal:
        return _refused(request, job_id, refusal)
    return redirect("jobs:job", found.pk)


def _refused(request: HttpRequest, job_id: UUID, refusal: HubError) -> HttpResponse:
    refused(request, refusal)
    found = job_for(actor_of(request), job_id)
    return _page(request, found, problem=sentence_of(refusal), status=status_of(refusal))


def _page(request: HttpRequest, found: Job, *, problem: str = "", status: int = 200) -> HttpResponse:
    context = _context(request, found, tally_of(found)) | {"problem": problem}
    return render(request, "jobs/job.html", context, status=status)


def _context(request: HttpRequest, found: Job, tally: Tally) -> dict[str, Any]:
    actor, kind = actor_of(request), kind_of(found)
    page = keyset_page(rows_shown(found, request.GET.get("show", "")), BY_NUMBER, request.GET)
    is_own = (found.actor_kind, found.actor_id) == (actor.kind, actor.id)
    return {
        "job": found,
        "tally": tally,
        "title": kind.title(found),
        "summary": kind.summary(found),
        "badge": JOB_BADGES[JobStatus(found.status)],
        "outcome": outcome_words(found, tally),
        "why": sentence_of_code(found.stop_code, found.stop_values, found.stop_code) if found.stop_code else "",
        "button": kind.button(found, tally.to_do),
        "is_final": kind.is_final(found),
        "is_own": is_own,
        "may_stop": is_own or actor.may(Action.JOB_OVERSEE),
        "is_live": found.status in (JobStatus.PLANNING, JobStatus.RUNNING),
        "typed": request.POST.get("phrase", ""),
        "etag": _etag(request, found, tally),
        "tabs": row_tabs(request.GET, tally),
        "rows": [table_row(row) for row in page.rows],
        "headings": kind.headings(),
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "query": request.GET.urlencode(),
    }


def _etag(request: HttpRequest, found: Job, tally: Tally) -> str:
    shown = (found.status, sorted(tally.rows.items()), actor_of(request).role, get_language(), request.GET.urlencode())
    return short_hash(shown)


def _listed(found: Job, tally: Tally) -> dict[str, Any]:
    return {
        "job": found,
        "title": kind_of(found).title(found),
        "badge": JOB_BADGES[JobStatus(found.status)],
        "tally": tally,
        "outcome": outcome_words(found, tally),
    }
