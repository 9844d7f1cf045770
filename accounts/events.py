"""What happens to agents, programs with credentials, personal tokens, signing keys and saved views, by name."""

from partnerhub.outbox.recorder import Fact


class UserFact(Fact):
    stream_type = "user"


class UserCreated(UserFact):
    name = "user.created"


class UserChanged(UserFact):
    name = "user.changed"


class UserDeactivated(UserFact):
    name = "user.deactivated"


class UserErased(UserFact):
    """Names nobody."""

    name = "user.erased"


class UserReactivated(UserFact):
    name = "user.reactivated"


class SessionsEnded(UserFact):
    name = "user.sessions_ended"


class InvitationFact(Fact):
    stream_type = "invitation"


class InvitationSent(InvitationFact):
    name = "invitation.sent"


class InvitationSentAgain(InvitationFact):
    name = "invitation.sent_again"


class InvitationRevoked(InvitationFact):
    name = "invitation.revoked"


class InvitationAccepted(InvitationFact):
    name = "invitation.accepted"


class ClientFact(Fact):
    stream_type = "client"


class ClientCreated(ClientFact):
    name = "client.created"


class ClientSecretRotated(ClientFact):
    name = "client.secret_rotated"


class ClientScopeChanged(ClientFact):
    name = "client.scope_changed"


class ClientSecretRevoked(ClientFact):
    name = "client.secret_revoked"


class ClientRevoked(ClientFact):
    name = "client.revoked"


class PersonalTokenMade(Fact):
    name = "personal_token.made"
    stream_type = "personal_token"


class PersonalTokenRevoked(Fact):
    name = "personal_token.revoked"
    stream_type = "personal_token"


class SigningKeyRotated(Fact):
    """All on one stream."""

    name = "signing_key.rotated"
    stream_type = "signing_key"


class SigningKeyWithdrawn(Fact):
    name = "signing_key.withdrawn"
    stream_type = "signing_key"


class SavedViewFact(Fact):
    stream_type = "saved_view"


class SavedViewAdded(SavedViewFact):
    name = "saved_view.added"


class SavedViewChanged(SavedViewFact):
    name = "saved_view.changed"


class SavedViewDeleted(SavedViewFact):
    name = "saved_view.deleted"


class SignedIn(UserFact):
    """`with`: the ways by which the person proved to be who they are, in their order."""

    name = "user.signed_in"


class SignInRefused(UserFact):
    """`why`: the code of the refusal."""

    name = "user.sign_in_refused"


class SignInsHeldBack(UserFact):
    """Too many failed attempts: no more of them are looked at for a while."""

    name = "user.sign_ins_held_back"


class SecondFactorAdded(UserFact):
    name = "user.second_factor_added"


class SecondFactorRemoved(UserFact):
    name = "user.second_factor_removed"


class SecondFactorsForgotten(UserFact):
    """All of them, by whoever manages agents: their owner had lost them. `count` without recovery codes."""

    name = "user.second_factors_forgotten"


class RecoveryCodesMade(UserFact):
    name = "user.recovery_codes_made"


class PasswordResetAsked(UserFact):
    name = "user.password_reset_asked"


class PasswordChanged(UserFact):
    """`by`: `own` when the old one was known, `reset` when a mailed link was."""

    name = "user.password_changed"
