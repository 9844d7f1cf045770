"""Saved views of lists: keep, change, delete, and choose the one that a list opens with."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.events import SavedViewAdded, SavedViewChanged, SavedViewDeleted
from accounts.models import DefaultView, SavedView
from accounts.policy import Action, Actor, authorize
from accounts.selectors import saved_view_for
from partnerhub.errors import InvalidInput, NotFound, ViewNameTaken
from partnerhub.outbox.recorder import record

LONGEST_NAME = 80
LONGEST_QUERY = 2000


@transaction.atomic
def save_view(actor: Actor, *, page: str, name: str, query: str, shared: bool, at: datetime) -> SavedView:
    """Keep a page's query string under a name. Raises ViewNameTaken, and InvalidInput for what is too long or empty."""
    name = _checked(name, query)
    view = SavedView(user_id=actor.id, page=page, name=name, query=query, shared=shared, created_at=at, modified_at=at)
    _write(view)
    record(SavedViewAdded(view.pk, {"name": name, "page": page, "shared": shared}), actor=actor, at=at)
    return view


@transaction.atomic
def change_view(
    actor: Actor,
    view_id: UUID,
    *,
    name: str | None = None,
    query: str | None = None,
    shared: bool | None = None,
    at: datetime,
) -> SavedView:
    """Rename one's own view, give it another query or share it; what is None stays.

    Raises NotFound for one that is not one's own, ViewNameTaken and InvalidInput.
    """
    view = SavedView.objects.select_for_update().filter(pk=view_id, user_id=actor.id).first()
    if view is None:
        raise NotFound(what="saved view", id=view_id)
    wanted = {"name": name, "query": query, "shared": shared}
    changes = {
        field: [getattr(view, field), value]
        for field, value in wanted.items()
        if value is not None and value != getattr(view, field)
    }
    if not changes:
        return view
    for field, (_, value) in changes.items():
        setattr(view, field, value)
    view.name, view.modified_at = _checked(view.name, view.query), at
    _write(view)
    record(SavedViewChanged(view.pk, changes), actor=actor, at=at)
    return view


@transaction.atomic
def delete_view(actor: Actor, view_id: UUID, *, at: datetime) -> None:
    """Delete one's own view, or somebody else's shared one with the right to. Raises NotFound, NotPermitted."""
    view = saved_view_for(actor, view_id)
    if view is None:
        raise NotFound(what="saved view", id=view_id)
    if str(view.user_id) != actor.id:
        authorize(actor, Action.SAVED_VIEW_MANAGE)
    fact = SavedViewDeleted(view.pk, {"name": view.name, "page": view.page, "owner": view.user.name})
    view.delete()
    record(fact, actor=actor, at=at)


@transaction.atomic
def open_with(actor: Actor, page: str, view_id: UUID | None) -> None:
    """Let a page open with a visible view for this person, or with none: a preference, off record. Raises NotFound."""
    if view_id is None:
        DefaultView.objects.filter(user_id=actor.id, page=page).delete()
        return
    view = saved_view_for(actor, view_id)
    if view is None or view.page != page:
        raise NotFound(what="saved view", id=view_id)
    DefaultView.objects.update_or_create(user_id=actor.id, page=page, defaults={"view": view})


def _checked(name: str, query: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(field="name", problem=f"it must be 1 to {LONGEST_NAME} printable characters.")
    if len(query) > LONGEST_QUERY:
        raise InvalidInput(field="view", problem=f"its filters are longer than {LONGEST_QUERY} characters.")
    return name


def _write(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as problem:
        if "saved_view_name_once" in str(problem):
            raise ViewNameTaken(name=view.name) from problem
        raise
