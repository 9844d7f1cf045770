"""Acting in another role that one holds."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.policy import Actor, Role
from partnerhub.errors import RoleNotHeld
from partnerhub.outbox.recorder import Fact, record


class RoleSwitched(Fact):
    name = "user.role_switched"
    stream_type = "user"


@transaction.atomic
def switch_role(actor: Actor, role: Role, *, at: datetime) -> User:
    """Make another held role the active one, on record. Raises RoleNotHeld; the role already active changes nothing."""
    user = User.objects.select_for_update().get(pk=actor.id)
    if not user.roles_held.filter(role=role).exists():
        raise RoleNotHeld(role=role.value)
    if user.active_role == role:
        return user
    before, user.active_role = user.active_role, role.value
    user.save(update_fields=["active_role"])
    record(RoleSwitched(user.pk, {"role": [before, role.value]}), actor=actor, at=at)
    return user
