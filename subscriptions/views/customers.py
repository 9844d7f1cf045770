"""Customers, and the tabs of one customer."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor
from customers.commitments import live_subscriptions_of
from customers.models import Customer
from customers.selectors import customer_for, customers_visible_to
from customers.views.resellers import list_tabs
from partnerhub.errors import CustomerRelationshipEnded, LiveSubscriptions
from partnerhub.web.pages import capped_count, keyset_page
from partnerhub.web.refusals import sentence_of
from subscriptions.activity import activity_of
from subscriptions.enums import Status
from subscriptions.ledger import ledger
from subscriptions.selectors import orders_visible_to, rows_visible_to, subscriptions_visible_to
from subscriptions.views.activity import listed_activity
from subscriptions.views.listing import Listing, answered, is_partial, listed
from subscriptions.views.orders import order_row
from subscriptions.views.permission import Denial, denial_of
from subscriptions.views.saved_views import Saved, opening

LONGEST_SEARCH = 200


@require_safe
@login_required
def customers(request: HttpRequest) -> HttpResponse:
    """All customers by name, with how many subscriptions they have and how many of them need somebody."""
    actor = actor_of(request)
    query = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    found = _found(customers_visible_to(actor), query)
    page = keyset_page(found, ("name", "id"), request.GET)
    counts = _counts([customer.pk for customer in page.rows])
    rows = [{"customer": customer, **counts.get(customer.pk, {"live": 0, "waiting": 0})} for customer in page.rows]
    context = {
        "rows": rows,
        "query": query,
        "previous_url": page.previous_url,
        "next_url": page.next_url,
        "manage_denied": denial_of(actor, Action.CUSTOMER_MANAGE),
        "tabs": list_tabs("customers"),
    }
    template = "customers/_results.html" if is_partial(request) else "customers/list.html"
    return render(request, template, context)


def _found(customers: QuerySet[Customer], query: str) -> QuerySet[Customer]:
    if not query:
        return customers
    matches = Q(name__icontains=query) | Q(domain__icontains=query) | Q(beneficiary_email__iexact=query)
    return customers.filter(matches | Q(reseller_id=query))


def _counts(ids: list[UUID]) -> dict[UUID, dict[str, int]]:
    grouped = Customer.objects.filter(pk__in=ids).values("pk")
    live = Count("subscriptions", filter=~Q(subscriptions__status=Status.UNSUBSCRIBED))
    waiting = Count("subscriptions", filter=Q(subscriptions__status=Status.PENDING))
    rows = grouped.annotate(live=live, waiting=waiting)
    return {row["pk"]: {"live": row["live"], "waiting": row["waiting"]} for row in rows}


@require_safe
@login_required
def marketplace(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    """The Marketplace tab: every licence-based subscription bought for the customer."""
    actor = actor_of(request)
    customer = customer_for(actor, customer_id)
    listing = Listing("marketplace", rows_visible_to(actor).filter(customer=customer), customer.pk)
    saved = Saved.of(actor, listing.page)
    if elsewhere := opening(request, saved):
        return HttpResponseRedirect(elsewhere)
    frame = {"customer": customer} if is_partial(request) else customer_frame(actor, customer, "marketplace")
    return answered(request, listed(request, listing, saved) | frame, "customers/marketplace.html")


@require_safe
@login_required
def orders(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    actor = actor_of(request)
    customer = customer_for(actor, customer_id)
    page = keyset_page(orders_visible_to(actor).filter(customer=customer), ("-ordered_at", "-id"), request.GET)
    context = {
        "rows": [order_row(order) for order in page.rows],
        "previous_url": page.previous_url,
        "next_url": page.next_url,
    }
    return render(request, "customers/orders.html", context | customer_frame(actor, customer, "orders"))


@require_safe
@login_required
def activity(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    actor = actor_of(request)
    customer = customer_for(actor, customer_id)
    context = listed_activity(request, activity_of(actor, customer_id), str(customer.pk))
    if is_partial(request):
        return render(request, "activity/_results.html", context)
    return render(request, "customers/activity.html", context | customer_frame(actor, customer, "activity"))


@require_safe
@login_required
def account(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    actor = actor_of(request)
    customer = customer_for(actor, customer_id)
    live = 0 if customer.relationship_ended_at else live_subscriptions_of(customer.pk)
    context = {
        "company": _company(customer),
        "billing": _billing(customer),
        "contact": _contact(customer),
        "manage_denied": denial_of(actor, Action.CUSTOMER_MANAGE),
        "live_refusal": sentence_of(LiveSubscriptions(customer=customer.name, count=live)) if live else "",
    }
    return render(request, "customers/account.html", context | customer_frame(actor, customer, "account"))


def customer_frame(actor: Actor, customer: Customer, current: str) -> dict[str, Any]:
    """What surrounds every tab: the customer, the tabs with their counts, and whether the actor may buy; `current` is
    the last part of the name of a tab's address.
    """
    subscriptions = capped_count(subscriptions_visible_to(actor).filter(customer=customer))
    tabs = [
        ("customers:marketplace", _("Marketplace"), subscriptions),
        ("customers:orders", _("Orders"), capped_count(orders_visible_to(actor).filter(customer=customer))),
        ("customers:activity", _("Activity"), capped_count(activity_of(actor, customer.pk))),
        ("customers:account", _("Account"), None),
    ]
    if actor.may(Action.INVOICE_READ):
        tabs.insert(2, ("billing:customer_invoices", _("Invoices"), str(ledger().count_invoices(customer.pk))))
    return {
        "customer": customer,
        "crumbs": [{"url": reverse("customers:list"), "label": _("Customers")}],
        "tabs": [
            {
                "url": reverse(address, args=[customer.pk]),
                "label": label,
                "count": count,
                "current": address.partition(":")[2] == current,
            }
            for address, label, count in tabs
        ],
        "buy_denied": denial_of(actor, Action.SUBSCRIPTION_BUY) or _ended(customer),
    }


def _ended(customer: Customer) -> Denial | None:
    if customer.relationship_ended_at is None:
        return None
    return Denial(sentence_of(CustomerRelationshipEnded(customer=customer.name)), "")


def _fact(term: str, value: object, **more: Any) -> dict[str, Any]:
    return {"term": term, "value": value or None, **more}


def _company(customer: Customer) -> list[dict[str, Any]]:
    return [
        _fact(_("Name"), customer.name),
        _fact(_("Domain"), customer.domain),
        _fact(_("VAT ID"), customer.vat_id),
        _fact(_("Indirect reseller"), customer.reseller),
        _fact(_("Customer ID"), customer.pk, copyable=True),
        _fact(_("Tenant ID"), customer.tenant_id, copyable=True),
    ]


def _billing(customer: Customer) -> list[dict[str, Any]]:
    place = " ".join(filter(None, [customer.postal_code, customer.city]))
    return [
        _fact(_("Currency"), customer.currency),
        _fact(
            _("Invoices to"), f"{customer.billing_first_name} {customer.billing_last_name}", note=customer.billing_email
        ),
        _fact(_("Address"), customer.address_line, note=", ".join(filter(None, [place, customer.country]))),
    ]


def _contact(customer: Customer) -> list[dict[str, Any]]:
    return [_fact(_("Beneficiary"), customer.beneficiary_name, note=customer.beneficiary_email)]
