"""The words of the mail to somebody who is to be an agent."""

from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import Invitation
from accounts.policy import AGENT_ROLES
from partnerhub.mail.letters import Letter, Link, one_line
from partnerhub.web.templatetags.hub import absolute, role_name


def invitation_letter(invitation: Invitation, inviter: str, link: str) -> Letter:
    """Asks somebody to become an agent; `link` is the personal one."""
    with translation.override(invitation.language):
        return Letter(
            subject=_("Your invitation to Partner Hub"),
            greeting=_("Hello {name},").format(name=one_line(invitation.name)),
            paragraphs=(
                _("{inviter} invites you to Partner Hub.").format(inviter=one_line(inviter)),
                _("Open the link below and choose a password. You sign in with this e-mail address from then on."),
            ),
            facts=((_("Roles"), ", ".join(role_name(role) for role in AGENT_ROLES if role in invitation.roles)),),
            link=Link(_("Accept the invitation"), link),
            note=_("The link is personal: treat it as a secret. It works once, until {until}.").format(
                until=absolute(invitation.expires_at)
            ),
        )
