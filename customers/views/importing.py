"""Files of customers and resellers: what a file looks like, and its plan. The plan is a job with a page of its own."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from customers.forms import ImportForm
from customers.imports import CUSTOMERS, EMPTY, MOST_ROWS, RESELLERS, Import, plan_import, values_now
from customers.views.acting import refusal_of, status_after
from partnerhub.clock import now
from partnerhub.jobs.models import Job
from partnerhub.jobs.working import Worker
from partnerhub.web.export import csv_response

# Long enough to plan what fits on a screen before the page is answered; a worker plans the rest.
PLANNING_SECONDS = 0.8


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def customers(request: HttpRequest) -> HttpResponse:
    return _import(request, CUSTOMERS)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def resellers(request: HttpRequest) -> HttpResponse:
    return _import(request, RESELLERS)


@require_safe
@login_required
def customers_file(request: HttpRequest, content: str) -> StreamingHttpResponse:
    return _file(actor_of(request), CUSTOMERS, content)


@require_safe
@login_required
def resellers_file(request: HttpRequest, content: str) -> StreamingHttpResponse:
    return _file(actor_of(request), RESELLERS, content)


def _file(actor: Actor, kind: Import[Any], content: str) -> StreamingHttpResponse:
    """A file to fill in: only its headings, or what there is now."""
    authorize(actor, Action.CUSTOMER_READ)
    name = kind.name.partition(".")[0]
    return csv_response(f"{name}-{content}", kind.columns, values_now(kind) if content == "current" else [])


def _import(request: HttpRequest, kind: Import[Any]) -> HttpResponse:
    actor = actor_of(request)
    authorize(actor, Action.CUSTOMER_MANAGE)
    shape: dict[str, Any] = {"columns": kind.columns, "required": [kind.key], "most": MOST_ROWS}
    if request.method != "POST":
        return _page(request, kind, ImportForm(**shape), 200)
    form, made = ImportForm(request.POST, request.FILES, **shape), list[Job]()

    def act() -> None:
        given = form.cleaned_data["all_or_none"]
        made.append(plan_import(actor, kind, form.lines, all_or_none=given, at=now()))

    refusal = refusal_of(request, form, act) if form.is_valid() else None
    if not made:
        return _page(request, kind, form, status_after(refusal))
    Worker(PLANNING_SECONDS, made[0].pk).run()
    return redirect("jobs:job", made[0].pk)


def _page(request: HttpRequest, kind: Import[Any], form: ImportForm, status: int) -> HttpResponse:
    space = kind.name.partition(".")[0]
    fields = kind.form({}, now()).fields
    context = {
        "form": form,
        "title": _("Import customers") if kind is CUSTOMERS else _("Import resellers"),
        "key": kind.key,
        "empty": EMPTY,
        "most": MOST_ROWS,
        "columns": [{"name": name, "field": fields[name]} for name in kind.columns],
        "template_url": reverse(f"{space}:import_file", args=["template"]),
        "current_url": reverse(f"{space}:import_file", args=["current"]),
        "back_url": reverse(f"{space}:list"),
        "crumbs": [
            {
                "url": reverse(f"{space}:list"),
                "label": _("Customers") if kind is CUSTOMERS else _("Indirect resellers"),
            }
        ],
    }
    return render(request, "customers/import.html", context, status=status)
