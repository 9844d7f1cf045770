"""Buying: from the catalogue over one line and its review to the order."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.middleware import actor_of
from accounts.policy import Action, Actor, authorize
from customers.models import Customer
from customers.selectors import customer_for
from partnerhub.clock import now
from partnerhub.errors import CartNotFound, HubError, NotFound, NotPermitted
from partnerhub.web.refusals import refused, sentence_of, status_of
from publishers.models import Plan, Pricing
from publishers.selectors import plan_term_by_catalog_item
from subscriptions.enums import CartStatus
from subscriptions.forms import CheckoutForm, LineForm
from subscriptions.models import Cart
from subscriptions.selectors import cart_for
from subscriptions.services.attesting import attest_cart
from subscriptions.services.carts import LineRequest, create_cart, replace_cart
from subscriptions.services.checkout import checkout_cart
from subscriptions.views.catalogue import plan_cards, publishers_of, term_choices
from subscriptions.views.listing import is_partial
from subscriptions.views.review import line_request, review_of
from subscriptions.views.steps import purchase_frame

LONGEST_SEARCH = 200


@require_safe
@login_required
def catalogue(request: HttpRequest, customer_id: UUID) -> HttpResponse:
    """Everything on sale, with prices in the customer's currency; what cannot be bought says why."""
    actor = actor_of(request)
    authorize(actor, Action.SUBSCRIPTION_BUY)
    customer = customer_for(actor, customer_id)
    query = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    publisher, cart = request.GET.get("publisher", ""), _cart_id(request.GET.get("cart", ""))
    at = now()
    context: dict[str, Any] = {
        "cards": plan_cards(customer, at, query=query, publisher=publisher, cart=str(cart or "")),
        "query": query,
        "publisher": publisher,
        "cart_id": cart,
    }
    if is_partial(request):
        return render(request, "subscriptions/_catalogue.html", context | {"customer": customer})
    context["publishers"] = publishers_of(customer, at)
    return render(request, "subscriptions/catalogue.html", context | purchase_frame(customer, 0))


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def configure(request: HttpRequest, customer_id: UUID, catalog_item_id: str) -> HttpResponse:
    """Choose term, billing, quantity and what goes with it; becomes a line of a new cart, or of `?cart=`."""
    actor = actor_of(request)
    authorize(actor, Action.SUBSCRIPTION_BUY)
    customer = customer_for(actor, customer_id)
    plan = plan_term_by_catalog_item(catalog_item_id).plan
    cart_id = _cart_id(request.GET.get("cart", ""))
    if request.method != "POST":
        first = {"catalog_item": catalog_item_id, "quantity": plan.min_quantity, "partner_id": customer.reseller_id}
        return _line_page(request, customer, plan, LineForm(initial=first, plan=plan), cart_id, 200)
    form = LineForm(request.POST, plan=plan)
    if not form.is_valid():
        return _line_page(request, customer, plan, form, cart_id, 422)
    try:
        cart = _put_in_cart(actor, customer, cart_id, form.line())
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        form.refuse(refusal)
        return _line_page(request, customer, plan, form, cart_id, status_of(refusal))
    return redirect("customers:review", customer.pk, cart.pk)


def _put_in_cart(actor: Actor, customer: Customer, cart_id: UUID | None, line: LineRequest) -> Cart:
    if cart_id is None:
        return create_cart(actor, customer.pk, [line], attested=False, at=now())
    kept = [line_request(old) for old in cart_for(actor, customer.pk, cart_id).lines.all()]
    return replace_cart(actor, customer.pk, cart_id, [*kept, line], attested=False, at=now())


def _line_page(
    request: HttpRequest, customer: Customer, plan: Plan, form: LineForm, cart_id: UUID | None, status: int
) -> HttpResponse:
    context = {
        "plan": plan,
        "offer": plan.offer,
        "form": form,
        "chosen": form["catalog_item"].value(),
        "choices": term_choices(customer, plan, now()),
        "is_flat": plan.pricing == Pricing.FLAT_RATE,
        "back_url": _with_cart(reverse("customers:buy", args=[customer.pk]), cart_id),
    }
    return render(request, "subscriptions/configure.html", context | purchase_frame(customer, 1), status=status)


def _with_cart(url: str, cart_id: UUID | None) -> str:
    return f"{url}?cart={cart_id}" if cart_id else url


def _cart_id(text: str) -> UUID | None:
    """The cart a query string names. Raises CartNotFound for what is no cart id."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise CartNotFound(id=text[:50]) from None


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def review(request: HttpRequest, customer_id: UUID, cart_id: UUID) -> HttpResponse:
    """The commitment in words; ordering it twice (a double click, a reload) leads to the same order."""
    actor = actor_of(request)
    cart = cart_for(actor, customer_id, cart_id)
    if cart.status == CartStatus.ORDERED:
        return _ordered(actor, customer_id, cart_id)
    checked = review_of(cart, now())
    if request.method != "POST":
        return _review_page(request, cart, checked, CheckoutForm(role=checked["role"]), 200)
    form = CheckoutForm(request.POST, role=checked["role"])
    if not form.is_valid():
        return _review_page(request, cart, checked, form, 422)
    try:
        attest_cart(actor, customer_id, cart_id, at=now())
        return _ordered(actor, customer_id, cart_id)
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        form.refuse(refusal)
        return _review_page(request, cart, checked, form, status_of(refusal))


def _ordered(actor: Actor, customer_id: UUID, cart_id: UUID) -> HttpResponse:
    result = checkout_cart(actor, customer_id, cart_id, at=now())
    if not result.orders:
        # The review shows at each line, in the reader's language, why it was left out.
        return redirect("customers:review", customer_id, cart_id)
    return redirect("customers:confirmation", customer_id, result.orders[0].pk)


def _review_page(
    request: HttpRequest, cart: Cart, checked: dict[str, Any], form: CheckoutForm, status: int
) -> HttpResponse:
    context = checked | {
        "form": form,
        "add_url": _with_cart(reverse("customers:buy", args=[cart.customer_id]), cart.pk),
        "buy_url": reverse("customers:buy", args=[cart.customer_id]),
    }
    return render(request, "subscriptions/review.html", context | purchase_frame(cart.customer, 2), status=status)


@require_POST
@login_required
def change_cart(request: HttpRequest, customer_id: UUID, cart_id: UUID) -> HttpResponse:
    """Leave a line out (`remove` is its number), or take all lines at today's prices."""
    actor = actor_of(request)
    cart = cart_for(actor, customer_id, cart_id)
    kept = [line_request(line) for line in cart.lines.all() if str(line.number) != request.POST.get("remove")]
    try:
        replace_cart(actor, customer_id, cart_id, kept, attested=False, at=now())
    except (NotPermitted, NotFound):
        raise
    except HubError as refusal:
        refused(request, refusal)
        messages.error(request, sentence_of(refusal))
    else:
        messages.success(request, _("The cart was changed."))
    return redirect("customers:review", customer_id, cart_id)
