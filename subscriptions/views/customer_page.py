"""The page that a customer's contact opens without a sign-in. Its address is the only key to it, and a secret."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.guesses import address_of
from partnerhub.api.throttling import MINUTE, counted
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.web.templatetags.hub import absolute, day
from publishers.models import Pricing
from subscriptions.enums import Status
from subscriptions.models import CustomerPage, SetupAnswers, Subscription
from subscriptions.page_forms import SetupForm
from subscriptions.selectors import blocking_gate
from subscriptions.services.customer_setup import (
    ask_for_page,
    given_answers,
    missing,
    open_from_page,
    page_at,
    page_known,
    questions_for,
    save_answers,
)
from subscriptions.views.rows import licences, term_words

View = Callable[[HttpRequest, str], HttpResponse]


def _for_anybody(*methods: str) -> Callable[[View], View]:
    """A view for whoever holds the address, in the language of its page; 410 where the page does not work.

    It reads no cookie, so a forged post would have to know the address; and browsers that are told to send no referrer
    send none to a CSRF check either.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, token: str) -> HttpResponse:
            page = page_known(token)
            language = page.language if page else get_language() or settings.LANGUAGE_CODE
            with translation.override(language):
                try:
                    response = _busy(request) if _calls_too_often(request) else view(request, token)
                except HubError:
                    response = _gone(request, page)
            response["Content-Language"] = language
            return _secretive(response)

        return csrf_exempt(require_http_methods(methods)(wrapped))

    return decorate


@_for_anybody("GET", "HEAD")
def show(request: HttpRequest, token: str) -> HttpResponse:
    """What was bought, what is next and what is asked. Looking changes nothing: mail scanners look, too."""
    page = page_at(token, now())
    form = SetupForm(questions_for(page.subscription), given_answers(page.subscription), page.language)
    return _page(request, token, page, form, 200)


@_for_anybody("POST")
def go(request: HttpRequest, token: str) -> HttpResponse:
    """Make a fresh personalised link and lead on to it. Forms may not leave by a redirect (form-action of the CSP)."""
    link = open_from_page(token, at=now())
    return render(request, "subscriptions/customer_page_go.html", {"link": link})


@_for_anybody("POST")
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """Keep the answers that fit, and show the others again with what is wrong with them."""
    page = page_at(token, now())
    questions, standing = questions_for(page.subscription), given_answers(page.subscription)
    form = SetupForm(questions, standing, page.language, request.POST.dict())
    form.is_valid()
    saved = save_answers(token, given=form.valid_answers(), seen=form.seen(), at=now())
    if not form.errors and not saved.clashes:
        return redirect("customer_page", token)
    form.rebase(given_answers(page.subscription), saved.clashes)
    return _page(request, token, page, form, 409 if saved.clashes else 422)


@_for_anybody("POST")
def again(request: HttpRequest, token: str) -> HttpResponse:
    """Tell the agents that another page is wanted. The answer is the same for every address, made or made up."""
    ask_for_page(token, at=now())
    return render(request, "subscriptions/customer_page_asked.html")


def _page(request: HttpRequest, token: str, page: CustomerPage, form: SetupForm, status: int) -> HttpResponse:
    subscription = page.subscription
    row = SetupAnswers.objects.filter(pk=subscription.pk).first()
    left = missing(questions_for(subscription), given_answers(subscription))
    gate = blocking_gate(subscription)
    context = {
        "token": token,
        "page": page,
        "until": absolute(page.expires_at),
        "offer": subscription.offer.title,
        "facts": _facts(subscription),
        "publisher": subscription.publisher.name,
        "says": gate.message if gate else "",
        "form": form if form.keys else None,
        "missing": len(left),
        "answered_at": row.answered_at if row else None,
        "seller": settings.HUB_SELLER_NAME,
        "steps": _steps(page, bool(form.keys), bool(left)),
    }
    return render(request, "subscriptions/customer_page.html", context, status=status)


def _steps(page: CustomerPage, asks: bool, lacks: bool) -> list[dict[str, Any]]:
    """What is next: answers where something is asked, the publisher's site, then its confirmation."""
    name = page.subscription.publisher.name
    done = [*([not lacks] if asks else []), page.opened_at is not None, False]
    labels = [
        *([_("Answer the questions")] if asks else []),
        _("Go to the site of {publisher}").format(publisher=name),
        _("{publisher} confirms; billing starts then, not earlier").format(publisher=name),
    ]
    current = done.index(False)
    states = ["done" if is_done else "current" if place == current else "todo" for place, is_done in enumerate(done)]
    return [{"label": label, "state": state} for label, state in zip(labels, states, strict=True)]


def _facts(subscription: Subscription) -> list[dict[str, Any]]:
    order = subscription.order_line.order
    return [
        {"term": _("Offer"), "value": subscription.offer.title},
        {"term": _("Plan"), "value": subscription.plan.title},
        *_quantity(subscription),
        {"term": _("Term"), "value": term_words(subscription.plan_term)},
        {"term": _("Publisher"), "value": subscription.publisher.name},
        {"term": _("Order"), "value": order.number, "note": day(subscription.purchased_at)},
        {"term": _("Ordered for"), "value": subscription.customer.name},
        {"term": _("Ordered from"), "value": settings.HUB_SELLER_NAME or None},
    ]


def _quantity(subscription: Subscription) -> list[dict[str, Any]]:
    per_seat = subscription.plan.pricing == Pricing.PER_USER
    return [{"term": _("Quantity"), "value": licences(subscription.quantity)}] if per_seat else []


def _gone(request: HttpRequest, page: CustomerPage | None) -> HttpResponse:
    """One page for what was made up, revoked or used; only who held a page that ran out learns when it did."""
    ran_out = page is not None and page.revoked_at is None and page.subscription.status == Status.PENDING
    token = request.resolver_match.kwargs["token"] if request.resolver_match else ""
    until = absolute(page.expires_at) if page and ran_out else ""
    context = {"until": until, "again_url": reverse("customer_page_again", args=[token])}
    return render(request, "subscriptions/customer_page_gone.html", context, status=410)


def _busy(request: HttpRequest) -> HttpResponse:
    return render(request, "subscriptions/customer_page_busy.html", status=429)


def _calls_too_often(request: HttpRequest) -> bool:
    """Whether too many of these pages were asked for from one address within a minute."""
    limit: int = settings.HUB_CUSTOMER_PAGES_A_MINUTE
    if not limit:
        return False
    (count,) = counted([f"page:{address_of(request)}"], MINUTE)
    return count.calls > limit


def _secretive(response: HttpResponse) -> HttpResponse:
    """Neither caches, nor search engines, nor the sites that it leads to learn of the address."""
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response
