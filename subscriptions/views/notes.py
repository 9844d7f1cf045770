"""Notes on a subscription, written where its timeline is read."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.middleware import actor_of
from accounts.policy import Action, authorize
from partnerhub.clock import now
from partnerhub.errors import InvalidInput
from partnerhub.web.refusals import status_of
from subscriptions.forms import NoteForm
from subscriptions.services.notes import add_note
from subscriptions.views.detail import detail_page


@require_POST
@login_required
def note(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Put a note on the timeline."""
    actor = actor_of(request)
    authorize(actor, Action.SUBSCRIPTION_NOTE)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return detail_page(request, subscription_id, refused={"note_form": form}, status=422)
    try:
        add_note(actor, subscription_id, text=form.cleaned_data["text"], at=now())
    except InvalidInput as refusal:
        form.refuse(refusal)
        return detail_page(request, subscription_id, refused={"note_form": form}, status=status_of(refusal))
    messages.success(request, _("The note is on the timeline."))
    return redirect(f"{reverse('subscriptions:detail', args=[subscription_id])}#timeline")
