"""What the command bar finds: subscriptions and customers, by the same search as their lists."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from accounts.policy import Actor
from customers.selectors import customers_visible_to
from partnerhub.clock import now
from subscriptions.filters import SubscriptionFilter
from subscriptions.selectors import subscriptions_visible_to

FOUND_AT_MOST = 6
SHORTEST = 2


@require_safe
@login_required
def command(request: HttpRequest) -> HttpResponse:
    """The options for what was typed, `q`; none for fewer than two characters."""
    actor, text = actor_of(request), request.GET.get("q", "").strip()[:200]
    groups = [_subscriptions(actor, text), _customers(actor, text)] if len(text) >= SHORTEST else []
    return render(request, "components/command_found.html", {"groups": groups})


def _subscriptions(actor: Actor, text: str) -> dict[str, object]:
    matching = SubscriptionFilter({"q": text}, subscriptions_visible_to(actor), at=now()).qs[:FOUND_AT_MOST]
    found = [
        {
            "url": reverse("subscriptions:detail", args=[one.pk]),
            "label": one.nickname,
            "note": f"{one.offer.title} · {one.customer.name}",
        }
        for one in matching
    ]
    return {"id": "subscriptions", "title": _("Subscriptions"), "icon": "layers", "found": found}


def _customers(actor: Actor, text: str) -> dict[str, object]:
    matching = customers_visible_to(actor).filter(name__icontains=text)[:FOUND_AT_MOST]
    found = [
        {"url": reverse("customers:marketplace", args=[one.pk]), "label": one.name, "note": one.country}
        for one in matching
    ]
    return {"id": "customers", "title": _("Customers"), "icon": "building-2", "found": found}
