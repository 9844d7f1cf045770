"""Publishers, and how each of them does: pages that need what was bought from them."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.middleware import actor_of
from publishers.selectors import publisher_for, publishers_visible_to


@require_safe
@login_required
def publishers(request: HttpRequest) -> HttpResponse:
    """Every publisher by name, with whether it answers."""
    return render(request, "publishers/list.html", {"publishers": publishers_visible_to(actor_of(request))})


@require_safe
@login_required
def health(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Whether a publisher answers, how fast, and what waits for it."""
    publisher = publisher_for(actor_of(request), publisher_id)
    return render(request, "publishers/health.html", {"publisher": publisher, "current": "health"})
