"""Secrets of publishers and the hub's own signing keys. A secret is shown on the page that made it, and never again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.keys import HANDOVER, OVERLAP, is_waiting_to_sign, signer
from accounts.middleware import actor_of
from accounts.models import SigningKey
from accounts.policy import Action, authorize
from accounts.proofs import confirm_first, confirm_sending
from accounts.services.signing import rotate
from partnerhub.clock import now
from partnerhub.errors import KeyNotSigningYet, TooManySecrets
from partnerhub.web.refusals import refused, sentence_of
from publishers.models import Publisher
from publishers.selectors import publisher_for
from publishers.services.secrets import make_secret, revoke_secret

KEYS_SHOWN = 10


def secret_page(request: HttpRequest, publisher: Publisher, secret: str, *, first: bool) -> HttpResponse:
    """The one page that shows a secret; `first` when the publisher was taken on with it."""
    context = {
        "publisher": publisher,
        "current": "settings",
        "first": first,
        "credentials": [
            {"term": _("Tenant ID"), "value": publisher.client.tenant_id, "copyable": True},
            {"term": _("App (client) ID"), "value": publisher.client_id, "copyable": True},
            {"term": _("Client secret"), "value": secret, "copyable": True},
        ],
    }
    response = render(request, "publishers/secret.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@login_required
@confirm_first
def make(request: HttpRequest, publisher_id: UUID) -> HttpResponse:
    """Make another secret; those there are stay valid."""
    actor = actor_of(request)
    try:
        secret = make_secret(actor, publisher_id, at=now())
    except TooManySecrets as refusal:
        refused(request, refusal)
        messages.error(request, sentence_of(refusal))
        return _to_secrets(publisher_id)
    return secret_page(request, publisher_for(actor, publisher_id), secret, first=False)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def revoke(request: HttpRequest, publisher_id: UUID, secret_id: int) -> HttpResponse:
    """End a secret now, after a look at what that means."""
    actor, at = actor_of(request), now()
    authorize(actor, Action.PUBLISHER_MANAGE)
    publisher = publisher_for(actor, publisher_id)
    if request.method == "POST":
        revoked = revoke_secret(actor, publisher_id, secret_id, at=at)
        messages.success(request, _("The secret {hint}… is revoked.").format(hint=revoked.hint))
        return _to_secrets(publisher_id)
    valid = publisher.client.secrets.filter(created_at__lte=at, expires_at__gt=at)
    secret = valid.filter(pk=secret_id).first()
    if secret is None:
        return _to_secrets(publisher_id)
    context = {
        "publisher": publisher,
        "current": "settings",
        "secret": secret,
        "is_last": valid.count() == 1,
        "back_url": reverse("publisher-settings", args=[publisher_id]),
    }
    return render(request, "publishers/revoke.html", context)


def _to_secrets(publisher_id: UUID) -> HttpResponse:
    return redirect(f"{reverse('publisher-settings', args=[publisher_id])}#secrets")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@confirm_sending
def keys(request: HttpRequest) -> HttpResponse:
    """The keys with which the hub signs tokens and its calls to publishers; the button makes the next one."""
    actor, at = actor_of(request), now()
    authorize(actor, Action.CLIENT_MANAGE)
    if request.method == "POST":
        try:
            rotate(actor, at=at)
            messages.success(request, _("The new key is published; it signs in an hour."))
        except KeyNotSigningYet as refusal:
            refused(request, refusal)
            messages.error(request, sentence_of(refusal))
        return redirect("publisher-keys")
    current = signer(at).kid
    found = SigningKey.objects.order_by("-created_at")[:KEYS_SHOWN]
    context = {
        "keys": [_key_row(key, current, at) for key in found],
        "is_waiting": is_waiting_to_sign(at),
        "handover_hours": int(HANDOVER.total_seconds() // 3600),
        "overlap_hours": int(OVERLAP.total_seconds() // 3600),
        "crumbs": [{"url": reverse("publishers"), "label": _("Publishers")}],
    }
    return render(request, "publishers/keys.html", context)


def _key_row(key: SigningKey, current: str, at: datetime) -> dict[str, Any]:
    """A key with its state: it waits, it signs, it is only published still, or it is gone."""
    published_until = key.retired_at + OVERLAP if key.retired_at else None
    if key.kid == current:
        tone, word = "ok", _("Signs")
    elif published_until is not None and published_until <= at:
        tone, word = "off", _("Gone")
    elif key.retired_at is not None and key.retired_at <= at:
        tone, word = "info", _("Verifies what it signed")
    else:
        tone, word = "wait", _("Published, signs soon")
    return {"key": key, "tone": tone, "word": word, "published_until": published_until}
