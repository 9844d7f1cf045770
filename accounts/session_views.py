"""One's own sessions: see where one is signed in, and end what should not be."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.devices import device_words
from accounts.middleware import actor_of
from accounts.models import User
from accounts.services.sessions import end_own_others, end_session
from accounts.sessions import sessions_of
from partnerhub.clock import now


@require_safe
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in, this browser first."""
    user = User.objects.get(pk=actor_of(request).id)
    rows = session_rows(user, now(), own_key=request.session.session_key)
    return render(request, "accounts/sessions.html", {"sessions": rows})


@require_POST
@login_required
def end(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """End one of one's own sessions."""
    end_session(actor_of(request), public_id, at=now())
    messages.success(request, _("The session has ended."))
    return redirect("accounts:sessions")


@require_POST
@login_required
def end_others(request: HttpRequest) -> HttpResponse:
    """End all of one's own sessions but this one."""
    ended = end_own_others(actor_of(request), keep=request.session.session_key, at=now())
    messages.success(request, ngettext("%(n)d session ended.", "%(n)d sessions ended.", ended) % {"n": ended})
    return redirect("accounts:sessions")


def session_rows(user: User, at: datetime, *, own_key: str | None) -> list[dict[str, Any]]:
    """A person's sessions as they are shown; the one with the key `own_key` is where this is read, and stands first."""
    rows = [
        {"session": one, "device": device_words(one.device), "is_this": one.pk == own_key}
        for one in sessions_of(user, at)
    ]
    return sorted(rows, key=lambda row: not row["is_this"])
