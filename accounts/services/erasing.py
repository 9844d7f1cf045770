"""Erasing a person who was an agent; what they did stays on record under the name they had then."""

from collections.abc import Iterator
from datetime import datetime

from django.db import models, transaction

from accounts.events import UserErased
from accounts.models import User
from accounts.policy import Action, Actor, authorize
from partnerhub.errors import InvalidInput, NotFound
from partnerhub.outbox.recorder import record

NAME, DOMAIN = "Erased", "erased.invalid"


def belongings(user: User) -> Iterator[models.QuerySet[models.Model]]:
    """The rows of every table that are a person's own: they go with the person."""
    for relation in User._meta.related_objects:
        if relation.on_delete is models.CASCADE:
            yield relation.related_model._default_manager.filter(**{relation.field.name: user})


@transaction.atomic
def erase_agent(actor: Actor, email: str, *, reason: str, at: datetime) -> User:
    """Take the name and the address off a deactivated agent, and delete what was the person's own.

    Raises InvalidInput for one who is active, NotFound, NotPermitted.
    """
    authorize(actor, Action.PERSON_ERASE)
    user = User.objects.select_for_update().filter(email=email.lower()).first()
    if user is None:
        raise NotFound(what="person", id=email)
    if user.is_active:
        raise InvalidInput(field="person", problem=f"{user.name} is active: deactivate the agent first.")
    for rows in belongings(user):
        rows.delete()
    user.name, user.email = NAME, f"{user.pk}@{DOMAIN}"
    user.set_unusable_password()
    user.save(update_fields=["name", "email", "password"])
    record(UserErased(user.pk, reason=reason), actor=actor, at=at)
    return user
