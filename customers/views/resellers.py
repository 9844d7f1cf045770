"""Indirect resellers: the list, one of them, and its forms."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.denial import denial_of
from accounts.middleware import actor_of
from accounts.policy import Action, authorize
from customers.forms import NewResellerForm, ReasonForm, ResellerForm, reseller_values
from customers.models import IndirectReseller
from customers.selectors import customers_visible_to, reseller_for, resellers_visible_to
from customers.services.resellers import change_reseller, create_reseller, reinstate_reseller, suspend_reseller
from customers.views.acting import refusal_of, status_after
from partnerhub.clock import now
from partnerhub.errors import HubError, StaleVersion
from partnerhub.web.pages import keyset_page
from partnerhub.web.templatetags.hub import day_text

LONGEST_SEARCH = 200


@require_safe
@login_required
def resellers(request: HttpRequest) -> HttpResponse:
    """All indirect resellers by name, with how many customers came through each."""
    actor = actor_of(request)
    query = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    page = keyset_page(_found(resellers_visible_to(actor), query), ("name", "partner_id"), request.GET)
    customers = _customers_through([reseller.pk for reseller in page.rows])
    context = {
        "rows": [{"reseller": each, "customers": customers.get(each.pk, 0)} for each in page.rows],
        "query": query,
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "manage_denied": denial_of(actor, Action.CUSTOMER_MANAGE),
        "tabs": list_tabs("resellers"),
    }
    return render(request, "resellers/list.html", context)


def list_tabs(current: str) -> list[dict[str, Any]]:
    """The two lists beside each other: customers, and the resellers they came through."""
    lists = [("customers", _("Customers")), ("resellers", _("Indirect resellers"))]
    return [{"url": reverse(f"{name}:list"), "label": label, "current": name == current} for name, label in lists]


def _found(resellers: QuerySet[IndirectReseller], query: str) -> QuerySet[IndirectReseller]:
    return resellers.filter(Q(name__icontains=query) | Q(partner_id__startswith=query)) if query else resellers


def _customers_through(partner_ids: list[str]) -> dict[str, int]:
    counted = IndirectReseller.objects.filter(pk__in=partner_ids).annotate(through=Count("customers"))
    return dict(counted.values_list("pk", "through"))


@require_safe
@login_required
def reseller(request: HttpRequest, partner_id: str) -> HttpResponse:
    """One reseller: what is known of it, and the customers who came through it."""
    actor = actor_of(request)
    found = reseller_for(actor, partner_id)
    page = keyset_page(customers_visible_to(actor).filter(reseller=found), ("name", "id"), request.GET)
    context = {
        "reseller": found,
        "facts": _facts(found),
        "customers": page.rows,
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "manage_denied": denial_of(actor, Action.CUSTOMER_MANAGE),
        "crumbs": [_list_crumb()],
    }
    return render(request, "resellers/detail.html", context)


def _facts(found: IndirectReseller) -> list[dict[str, Any]]:
    signed = found.agreement_signed_at
    return [
        {"term": _("PartnerID"), "value": found.partner_id, "copyable": True},
        {"term": _("Country"), "value": found.country},
        {
            "term": _("Partner agreement"),
            "value": _("signed on {day}").format(day=day_text(signed.date())) if signed else _("not signed"),
            "note": "" if signed else _("Until it is signed, no purchase may name this reseller."),
        },
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Take on an indirect reseller."""
    actor = actor_of(request)
    authorize(actor, Action.CUSTOMER_MANAGE)
    at = now()
    if request.method != "POST":
        return _new_page(request, NewResellerForm(at=at), 200)
    form = NewResellerForm(request.POST.dict(), at=at)
    if not form.is_valid():
        return _new_page(request, form, 422)
    partner_id = form.cleaned_data["partner_id"]
    refusal = refusal_of(request, form, lambda: create_reseller(actor, partner_id=partner_id, at=at, **form.known()))
    if refusal is not None:
        return _new_page(request, form, status_after(refusal))
    messages.success(request, _("{reseller} was added.").format(reseller=form.cleaned_data["name"]))
    return redirect("resellers:detail", partner_id)


def _new_page(request: HttpRequest, form: NewResellerForm, status: int) -> HttpResponse:
    context = {
        "title": _("Add a reseller"),
        "submit": _("Add the reseller"),
        "form": form,
        "back_url": reverse("resellers:list"),
        "crumbs": [_list_crumb()],
    }
    return render(request, "resellers/form.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: HttpRequest, partner_id: str) -> HttpResponse:
    """Change what is known of a reseller; two people who do it at once see each other's values."""
    actor = actor_of(request)
    authorize(actor, Action.CUSTOMER_MANAGE)
    found, at = reseller_for(actor, partner_id), now()
    if request.method != "POST":
        return _edit_page(request, found, ResellerForm.shown(reseller_values(found), found.version, at=at), 200)
    form = ResellerForm(request.POST.dict(), at=at)
    if not form.is_valid():
        return _edit_page(request, found, form, 422)
    version = form.cleaned_data["version"]
    refusal = refusal_of(
        request, form, lambda: change_reseller(actor, partner_id, version=version, at=at, **form.known())
    )
    if refusal is not None:
        return _refused_edit(request, partner_id, form, refusal)
    messages.success(request, _("{reseller} is saved.").format(reseller=form.cleaned_data["name"]))
    return redirect("resellers:detail", partner_id)


def _refused_edit(request: HttpRequest, partner_id: str, form: ResellerForm, refusal: HubError) -> HttpResponse:
    found = reseller_for(actor_of(request), partner_id)
    if isinstance(refusal, StaleVersion):
        form.compare(reseller_values(found), found.version)
    return _edit_page(request, found, form, status_after(refusal))


def _edit_page(request: HttpRequest, found: IndirectReseller, form: ResellerForm, status: int) -> HttpResponse:
    context = {
        "title": _("Edit {reseller}").format(reseller=found.name),
        "submit": _("Save the reseller"),
        "form": form,
        "back_url": reverse("resellers:detail", args=[found.pk]),
        "crumbs": [_list_crumb(), {"url": reverse("resellers:detail", args=[found.pk]), "label": found.name}],
    }
    return render(request, "resellers/form.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def suspension(request: HttpRequest, partner_id: str) -> HttpResponse:
    """Suspend a reseller, or reinstate a suspended one."""
    actor = actor_of(request)
    authorize(actor, Action.CUSTOMER_MANAGE)
    found = reseller_for(actor, partner_id)
    suspends = request.POST.get("act") != "reinstate" if request.method == "POST" else found.suspended_at is None
    if request.method != "POST":
        return _suspension_page(request, found, ReasonForm(initial={"version": found.version}), suspends, 200)
    form = ReasonForm(request.POST.dict())
    if not form.is_valid():
        return _suspension_page(request, found, form, suspends, 422)
    service = suspend_reseller if suspends else reinstate_reseller
    refusal = refusal_of(request, form, lambda: service(actor, partner_id, at=now(), **form.cleaned_data))
    if refusal is not None:
        found = reseller_for(actor, partner_id)
        form.reopen(found.version)
        return _suspension_page(request, found, form, suspends, status_after(refusal))
    done = _("{reseller} is suspended.") if suspends else _("{reseller} is reinstated.")
    messages.success(request, done.format(reseller=found.name))
    return redirect("resellers:detail", partner_id)


def _suspension_page(
    request: HttpRequest, found: IndirectReseller, form: ReasonForm, suspends: bool, status: int
) -> HttpResponse:
    context = {
        "reseller": found,
        "form": form,
        "suspends": suspends,
        "back_url": reverse("resellers:detail", args=[found.pk]),
        "crumbs": [_list_crumb(), {"url": reverse("resellers:detail", args=[found.pk]), "label": found.name}],
    }
    return render(request, "resellers/suspension.html", context, status=status)


def _list_crumb() -> dict[str, str]:
    return {"url": reverse("resellers:list"), "label": _("Indirect resellers")}
