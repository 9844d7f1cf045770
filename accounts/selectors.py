"""Reading agents, API clients, one's personal tokens, and saved views: one's own and the shared ones."""

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Client, DefaultView, Invitation, PersonalToken, SavedView, User
from accounts.policy import Action, Actor, Role, authorize, authorize_for_all
from partnerhub.errors import NotFound


def api_clients(actor: Actor) -> QuerySet[Client]:
    """The programs that may use the API, by name; publishers' own are left out. Raises NotPermitted."""
    authorize(actor, Action.CLIENT_MANAGE)
    return Client.objects.exclude(role=Role.PUBLISHER).order_by("name", "id")


def api_client_for(actor: Actor, client_id: UUID) -> Client:
    """One of `api_clients`. Raises NotFound, NotPermitted."""
    found = api_clients(actor).filter(pk=client_id).first()
    if found is None:
        raise NotFound(what="API client", id=client_id)
    return found


def personal_tokens_of(actor: Actor) -> QuerySet[PersonalToken]:
    """One's own personal tokens, newest first."""
    return PersonalToken.objects.filter(user_id=actor.id).order_by("-created_at", "-id")


def saved_views_for(actor: Actor, page: str) -> QuerySet[SavedView]:
    """One's own views of a page and everybody's shared ones, by name; `opens` is that of the one with which the page
    opens for this person, if any.
    """
    chosen = DefaultView.objects.filter(user_id=actor.id, page=page, view=OuterRef("pk"))
    visible: QuerySet[Any] = _visible_to(actor).filter(page=page)
    found: QuerySet[SavedView] = visible.annotate(opens=Exists(chosen)).order_by("name", "id")
    return found


def saved_view_for(actor: Actor, view_id: UUID) -> SavedView | None:
    """One visible view; None when it does not exist, was deleted or is somebody else's own."""
    return _visible_to(actor).filter(pk=view_id).first()


def _visible_to(actor: Actor) -> QuerySet[SavedView]:
    return SavedView.objects.filter(Q(user_id=actor.id) | Q(shared=True)).select_related("user")


def agents(actor: Actor) -> QuerySet[User]:
    """The people who sign in, by name, active or not; `has_second_factor` says who has one. Raises NotPermitted."""
    authorize_for_all(actor, Action.AGENT_MANAGE)
    factors = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
    people = User.objects.annotate(has_second_factor=Exists(factors))
    return people.prefetch_related("roles_held").order_by("name", "id")


def agent_for(actor: Actor, user_id: UUID) -> User:
    """One of `agents`. Raises NotFound, NotPermitted."""
    found = agents(actor).filter(pk=user_id).first()
    if found is None:
        raise NotFound(what="agent", id=user_id)
    return found


def invitations(actor: Actor) -> QuerySet[Invitation]:
    """Those who are invited and have not answered, newest first, also when their time ran out. Raises NotPermitted."""
    authorize_for_all(actor, Action.AGENT_MANAGE)
    return Invitation.objects.filter(accepted_at=None, revoked_at=None).order_by("-sent_at", "-id")
