"""Adding and changing customers. Their lists and tabs show subscriptions, so they are pages of that app."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from customers.commitments import live_subscriptions_of
from customers.forms import CustomerFields, CustomerForm, ReasonForm, customer_values
from customers.models import Customer
from customers.selectors import customer_for, resellers_visible_to
from customers.services.customers import change_customer, create_customer, end_relationship, resume_relationship
from customers.views.acting import refusal_of, status_after
from partnerhub.clock import now
from partnerhub.errors import HubError, StaleVersion

COMPANY = ("name", "domain", "vat_id", "partner_id", "language")
BILLING = (
    "country",
    "currency",
    "billing_first_name",
    "billing_last_name",
    "billing_email",
    "address_line",
    "postal_code",
    "city",
    "region",
)
CONTACT = ("beneficiary_name", "beneficiary_email")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """Take on a customer."""
    actor = actor_of(request)
    authorize(actor, Action.CUSTOMER_MANAGE)
    if request.method != "POST":
        return _new_page(request, CustomerFields(), 200)
    form = CustomerFields(request.POST.dict())
    made: list[Customer] = []

    def act() -> None:
        partner_id = form.cleaned_data["partner_id"]
        made.append(create_customer(actor, form.profile(), partner_id=partner_id, at=now()))

    refusal = refusal_of(request, form, act) if form.is_valid() else None
    if not made:
        return _new_page(request, form, status_after(refusal))
    messages.success(request, _("{customer} was added.").format(customer=made[0].name))
    return redirect("customers:marketplace", made[0].pk)


def _new_page(request: HttpRequest, form: CustomerFields, status: int) -> HttpResponse:
    context = {
        "title": _("Add a customer"),
        "submit": _("Add the customer"),
        "back_url": reverse("customers:list"),
        "crumbs": [_list_crumb()],
    }
    return render(request, "customers/form.html", context | _form(actor_of(request), form), status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    """Change a customer; two people who do it at once see each other's values."""
    actor = actor_of(request)
    authorize(actor, Action.CUSTOMER_MANAGE)
    customer = customer_for(actor, customer_id)
    live = live_subscriptions_of(customer_id)
    if request.method != "POST":
        form = CustomerForm.shown(customer_values(customer), customer.version)
        form.explain(live)
        return _edit_page(request, customer, form, 200)
    form = CustomerForm(request.POST.dict())
    form.explain(live)
    if not form.is_valid():
        return _edit_page(request, customer, form, 422)

    def act() -> None:
        given = form.cleaned_data
        version, partner_id = given["version"], given["partner_id"]
        change_customer(actor, customer_id, form.profile(), partner_id=partner_id, version=version, at=now())

    refusal = refusal_of(request, form, act)
    if refusal is not None:
        return _refused_edit(request, customer_id, form, refusal)
    messages.success(request, _("{customer} is saved.").format(customer=form.cleaned_data["name"]))
    return redirect("customers:account", customer_id)


def _refused_edit(request: HttpRequest, customer_id: UUID, form: CustomerForm, refusal: HubError) -> HttpResponse:
    customer = customer_for(actor_of(request), customer_id)
    if isinstance(refusal, StaleVersion):
        form.compare(customer_values(customer), customer.version)
    return _edit_page(request, customer, form, status_after(refusal))


def _edit_page(request: HttpRequest, customer: Customer, form: CustomerForm, status: int) -> HttpResponse:
    context = {
        "title": _("Edit {customer}").format(customer=customer.name),
        "submit": _("Save the customer"),
        "back_url": reverse("customers:account", args=[customer.pk]),
        "crumbs": [_list_crumb(), {"url": reverse("customers:account", args=[customer.pk]), "label": customer.name}],
    }
    return render(request, "customers/form.html", context | _form(actor_of(request), form), status=status)


def _form(actor: Actor, form: CustomerFields) -> dict[str, Any]:
    groups = [(_("Company"), COMPANY), (_("Billing"), BILLING), (_("Contact"), CONTACT)]
    return {
        "form": form,
        "groups": [{"title": title, "fields": [form[name] for name in names]} for title, names in groups],
        "resellers": resellers_visible_to(actor).exclude(agreement_signed_at=None).filter(suspended_at=None)[:500],
    }


def _list_crumb() -> dict[str, str]:
    return {"url": reverse("customers:list"), "label": _("Customers")}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def relationship(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    """End the relationship with a customer, or take it up again where it has ended."""
    actor = actor_of(request)
    authorize(actor, Action.CUSTOMER_MANAGE)
    customer = customer_for(actor, customer_id)
    ends = request.POST.get("act") != "resume" if request.method == "POST" else not customer.relationship_ended_at
    if request.method != "POST":
        return _relationship_page(request, customer, ReasonForm(initial={"version": customer.version}), ends, 200)
    form = ReasonForm(request.POST.dict())
    if not form.is_valid():
        return _relationship_page(request, customer, form, ends, 422)
    service = end_relationship if ends else resume_relationship
    refusal = refusal_of(request, form, lambda: service(actor, customer_id, at=now(), **form.cleaned_data))
    if refusal is not None:
        customer = customer_for(actor, customer_id)
        form.reopen(customer.version)
        return _relationship_page(request, customer, form, ends, status_after(refusal))
    done = _("The relationship with {customer} has ended.") if ends else _("{customer} can buy again.")
    messages.success(request, done.format(customer=customer.name))
    return redirect("customers:account", customer_id)


def _relationship_page(
    request: HttpRequest, customer: Customer, form: ReasonForm, ends: bool, status: int
) -> HttpResponse:
    context = {
        "customer": customer,
        "form": form,
        "ends": ends,
        "live": live_subscriptions_of(customer.pk),
        "back_url": reverse("customers:account", args=[customer.pk]),
        "crumbs": [_list_crumb(), {"url": reverse("customers:account", args=[customer.pk]), "label": customer.name}],
    }
    return render(request, "customers/relationship.html", context, status=status)
