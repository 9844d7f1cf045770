"""The way to the publisher's site: a personalised link is a secret, minted at each use and kept nowhere."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from accounts.middleware import actor_of
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.web.refusals import refused, sentence_of, status_of
from subscriptions.services.links import mint_link


@require_GET
@login_required
def go(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Mint a fresh link and go there. A browser that only looks ahead gets nothing: looking must not mint."""
    if _is_prefetch(request):
        return _secretive(HttpResponse(status=403))
    link = mint_link(actor_of(request), subscription_id, at=now())
    return _secretive(HttpResponse(status=303, headers={"Location": link}))


@require_POST
@login_required
def go_copy(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Mint a fresh link for the clipboard."""
    try:
        link = mint_link(actor_of(request), subscription_id, at=now())
    except HubError as refusal:
        refused(request, refusal)
        answer = {"code": refusal.code, "detail": sentence_of(refusal)}
        return _secretive(JsonResponse(answer, status=status_of(refusal)))
    return _secretive(JsonResponse({"url": link}))


def _is_prefetch(request: HttpRequest) -> bool:
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz"))
    return any("prefetch" in purpose.lower() or "preview" in purpose.lower() for purpose in purposes)


def _secretive(response: HttpResponse) -> HttpResponse:
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response
