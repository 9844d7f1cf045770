"""Inviting people to be agents: a mail with a link that works once, for a while, until it is revoked or sent anew."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.events import InvitationAccepted, InvitationRevoked, InvitationSent, InvitationSentAgain
from accounts.invitation_letter import invitation_letter
from accounts.models import Invitation, User
from accounts.policy import Action, Actor, Role, authorize_for_all
from accounts.services.people import Profile, add_agent, checked, checked_address, lock_people, written
from partnerhub.errors import AgentExists, InvitationClosed, InvitationGone, InvitedAlready, NotFound
from partnerhub.mail.services import post
from partnerhub.outbox.recorder import record
from partnerhub.secret_tokens import hash_of, new_token

LIVES = timedelta(days=7)


@transaction.atomic
def invite(actor: Actor, profile: Profile, *, email: str, at: datetime) -> Invitation:
    """Write to somebody who is to be an agent. The link works once, within LIVES.

    Raises NotPermitted, AgentExists, InvitedAlready, PlatformAdminLimited, and InvalidInput for what will not do.
    """
    authorize_for_all(actor, Action.AGENT_MANAGE)
    profile, email = checked(profile), checked_address(email)
    lock_people()
    if User.objects.filter(email=email).exists():
        raise AgentExists(email=email)
    if Invitation.objects.filter(email=email, accepted_at=None, revoked_at=None).exists():
        raise InvitedAlready(email=email)
    invitation = Invitation(
        email=email,
        name=profile.name,
        roles=[role.value for role in profile.roles],
        language=profile.language or settings.HUB_MAIL_LANGUAGE,
        customers=None if profile.customers is None else list(profile.customers),
        created_at=at,
    )
    _send(actor, invitation, at)
    record(InvitationSent(invitation.pk, {"email": email, **written(profile)}), actor=actor, at=at)
    return invitation


@transaction.atomic
def send_again(actor: Actor, invitation_id: UUID, *, at: datetime) -> Invitation:
    """Send a fresh link, for LIVES from now; the ones before it work no more.

    Raises NotPermitted, NotFound, InvitationClosed.
    """
    authorize_for_all(actor, Action.AGENT_MANAGE)
    invitation = _locked(invitation_id)
    _send(actor, invitation, at)
    record(InvitationSentAgain(invitation.pk, {"email": invitation.email}), actor=actor, at=at)
    return invitation


@transaction.atomic
def revoke_invitation(actor: Actor, invitation_id: UUID, *, at: datetime) -> Invitation:
    """Let the link of an invitation work no more. Raises NotPermitted, NotFound, InvitationClosed."""
    authorize_for_all(actor, Action.AGENT_MANAGE)
    invitation = _locked(invitation_id)
    invitation.revoked_at = at
    invitation.save(update_fields=["revoked_at"])
    record(InvitationRevoked(invitation.pk, {"email": invitation.email}), actor=actor, at=at)
    return invitation


def open_invitation(token: str, at: datetime) -> Invitation:
    """The invitation behind a link. Raises InvitationGone, whatever is wrong with it: nobody learns who was invited."""
    invitation = Invitation.objects.filter(token_hash=hash_of(token)).first()
    if invitation is None or not invitation.is_open(at):
        raise InvitationGone
    return invitation


@transaction.atomic
def accept(token: str, *, password: str, at: datetime) -> User:
    """Make an agent of who was invited. Raises InvitationGone, and InvalidInput for a password that will not do."""
    lock_people()
    invitation = open_invitation(token, at)
    roles = [Role(role) for role in invitation.roles]
    profile = Profile(invitation.name, roles, invitation.language, invitation.customers)
    try:
        user = add_agent(profile, email=invitation.email, password=password)
    except AgentExists:
        raise InvitationGone from None
    invitation.accepted_at = at
    invitation.save(update_fields=["accepted_at"])
    record(InvitationAccepted(invitation.pk, {"user": str(user.pk)}), actor=user.actor(), at=at)
    return user


def _locked(invitation_id: UUID) -> Invitation:
    """An invitation that was neither accepted nor revoked. Raises NotFound, InvitationClosed."""
    lock_people()
    invitation = Invitation.objects.filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound(what="invitation", id=invitation_id)
    if invitation.accepted_at is not None or invitation.revoked_at is not None:
        raise InvitationClosed(email=invitation.email)
    return invitation


def _send(actor: Actor, invitation: Invitation, at: datetime) -> None:
    """Give the invitation a new token and post the mail that holds it."""
    token = new_token()
    invitation.token_hash, invitation.sent_at, invitation.expires_at = hash_of(token), at, at + LIVES
    invitation.save()
    link = f"{settings.HUB_BASE_URL}{reverse('accounts:invitation', args=[token])}"
    letter = invitation_letter(invitation, actor.label, link)
    key = f"invitation:{invitation.pk}:{at.isoformat()}"
    post(
        key,
        to=invitation.email,
        letter=letter,
        language=invitation.language,
        at=at,
        reply_to=actor.email,
        expires_at=invitation.expires_at,
    )
