"""The timeline on a subscription's page: its newest entries, the form of a note, and the way to any past moment."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.policy import Action, Actor
from subscriptions.activity import entries_of
from subscriptions.forms import NoteForm
from subscriptions.models import Subscription
from subscriptions.views.permission import denial_of
from subscriptions.views.timeline import happenings

ENTRIES_SHOWN = 100


def timeline_card(actor: Actor, subscription: Subscription) -> dict[str, Any]:
    """What `subscriptions/_timeline.html` shows; more than the newest entries is on the activity page."""
    return {
        "events": happenings(entries_of(subscription)[:ENTRIES_SHOWN]),
        "note_form": NoteForm(),
        "note_url": reverse("subscriptions:note", args=[subscription.pk]),
        "note_denied": denial_of(actor, Action.SUBSCRIPTION_NOTE),
        "activity_url": f"{reverse('activity:list')}?{urlencode({'subscription': subscription.pk})}",
        "as_of_url": reverse("subscriptions:detail", args=[subscription.pk]),
    }
