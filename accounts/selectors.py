"""Reading saved views, as far as a person may see them: one's own and the shared ones."""

from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import DefaultView, SavedView
from accounts.policy import Actor


def saved_views_for(actor: Actor, page: str) -> QuerySet[SavedView]:
    """One's own views of a page and everybody's shared ones, by name."""
    return _visible_to(actor).filter(page=page).order_by("name", "id")


def saved_view_for(actor: Actor, view_id: UUID) -> SavedView | None:
    """One visible view; None when it does not exist, was deleted or is somebody else's own."""
    return _visible_to(actor).filter(pk=view_id).first()


def default_view_for(actor: Actor, page: str) -> SavedView | None:
    """The view that a page opens with for a person; None when it is gone or no longer shared."""
    chosen = DefaultView.objects.filter(user_id=actor.id, page=page).values("view")
    return _visible_to(actor).filter(pk__in=chosen).first()


def _visible_to(actor: Actor) -> QuerySet[SavedView]:
    return SavedView.objects.filter(Q(user_id=actor.id) | Q(shared=True)).select_related("user")
