"""The page after an order: where to go for each line, and what happens next."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Actor
from customers.selectors import customer_for
from partnerhub.errors import NotFound
from subscriptions.models import Subscription
from subscriptions.selectors import attention_of, orders_visible_to, subscriptions_visible_to
from subscriptions.views.rows import Badge, badge_of, go_url_of, quantity_words, term_words
from subscriptions.views.sending import send_url_of
from subscriptions.views.steps import purchase_frame


@dataclass(frozen=True, slots=True)
class ConfirmedLine:
    nickname: str
    offer: str
    plan: str
    publisher: str
    quantity: str
    term: str
    badge: Badge
    url: str
    go_url: str
    copy_url: str
    send_url: str


@require_safe
@login_required
def confirmation(request: HttpRequest, customer_id: UUID, order_id: UUID) -> HttpResponse:
    actor = actor_of(request)
    customer = customer_for(actor, customer_id)
    order = orders_visible_to(actor).filter(customer=customer, pk=order_id).first()
    if order is None:
        raise NotFound(what="order", id=order_id)
    bought = subscriptions_visible_to(actor).filter(order_line__order=order).order_by("order_line__number")
    context = {"order": order, "lines": [_line(subscription, actor) for subscription in bought]}
    return render(request, "subscriptions/confirmation.html", context | purchase_frame(customer, 3))


def _line(subscription: Subscription, actor: Actor) -> ConfirmedLine:
    return ConfirmedLine(
        nickname=subscription.nickname,
        offer=subscription.offer.title,
        plan=subscription.plan.title,
        publisher=subscription.publisher.name,
        quantity=quantity_words(subscription),
        term=term_words(subscription.plan_term),
        badge=badge_of(subscription, attention_of(subscription)),
        url=reverse("subscriptions:detail", args=[subscription.pk]),
        go_url=go_url_of(subscription, actor),
        copy_url=reverse("go_copy", args=[subscription.pk]),
        send_url=send_url_of(subscription, actor),
    )
