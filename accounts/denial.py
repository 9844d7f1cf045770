"""Why a control does not work for the role of the agent who sees it, and who could use it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.policy import Action, Actor, who_can
from partnerhub.web.templatetags.hub import role_name


@dataclass(frozen=True, slots=True)
class Denial:
    """The words of a disabled control."""

    reason: str
    who: str


def denial_of(actor: Actor, action: Action) -> Denial | None:
    """None when the active role holds the action; the service decides again when it is done."""
    if actor.may(action):
        return None
    able = who_can(action)
    reason = _("The role {role} may not do this.").format(role=role_name(actor.role))
    if any(role in able for role in actor.roles):
        reason = _("{reason} You hold a role that may: switch in the account menu.").format(reason=reason)
    return Denial(reason, ", ".join(role_name(role) for role in able))
