"""People with the roles they hold, programs with their credentials, and the hub's signing keys."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from accounts.policy import AGENT_ROLES, Actor, Role


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str, *, name: str, roles: tuple[Role, ...], **extra: Any) -> "User":
        """Create a person holding `roles`; the first one is active. The e-mail is stored in lower case."""
        user = self.model(email=email.lower(), name=name, active_role=roles[0], **extra)
        user.set_password(password)
        user.save(using=self._db)
        RoleHeld.objects.bulk_create(RoleHeld(user=user, role=role) for role in roles)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person who signs in. One of the roles held is active at a time and goes on record with every act.

    `customers` are the only ones that this person sees, null for all; this app stands below them, so no foreign key can
    say so. `language` is that of pages and mails unless a browser or a wish says another; empty when nobody chose one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    active_role = models.CharField(max_length=32)
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=5, blank=True, default="", db_default="")
    customers = ArrayField(models.UUIDField(), null=True)
    version = models.PositiveIntegerField(default=1, db_default=1)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(active_role__in=list(AGENT_ROLES)), name="user_active_role_known"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def actor(self) -> Actor:
        """The actor of this person in the active role."""
        held = tuple(Role(role) for role in self.roles_held.order_by("role").values_list("role", flat=True))
        return self.acting(Role(self.active_role), held)

    def sees(self, customer_id: uuid.UUID | None) -> bool:
        """Whether this person may see what is a customer's; None is what is nobody's alone."""
        return self.customers is None or customer_id is None or customer_id in self.customers

    def acting(self, role: Role, held: tuple[Role, ...]) -> Actor:
        """The actor of this person in one of the roles `held`, seeing the customers that this person may see."""
        customers = None if self.customers is None else frozenset(self.customers)
        return Actor("user", str(self.id), self.name, role, held, self.email, customers)


class RoleHeld(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="roles_held")
    role = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="role_held_once"),
            models.CheckConstraint(condition=models.Q(role__in=list(AGENT_ROLES)), name="role_held_known"),
        ]

    def __str__(self) -> str:
        return self.role


class Invitation(models.Model):
    """An e-mail address that may become an agent, by a link that works once; only the hash of its token is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField()
    name = models.CharField(max_length=200)
    roles = ArrayField(models.CharField(max_length=32))
    language = models.CharField(max_length=5)
    customers = ArrayField(models.UUIDField(), null=True)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once_per_email",
            ),
            models.CheckConstraint(
                condition=models.Q(roles__contained_by=list(AGENT_ROLES)) & models.Q(roles__len__gte=1),
                name="invitation_roles_known",
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at=None) | models.Q(revoked_at=None), name="invitation_ends_one_way"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def is_open(self, at: datetime) -> bool:
        return self.accepted_at is None and self.revoked_at is None and at < self.expires_at


class Session(AbstractBaseSession):
    """A browser's session, with whose it is and where and when it was last seen; `public_id` names it on pages, since
    the key is the secret in the cookie.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sessions")
    device = models.CharField(max_length=300, blank=True)
    address = models.CharField(max_length=64, blank=True)
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.public_id)


class Client(models.Model):
    """A program with client credentials: an API client in one agent role, or a publisher's app.

    `customers` are the only ones that it sees, null for all; this app stands below them, so no foreign key can say so.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant_id = models.UUIDField()
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=32)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    customers = ArrayField(models.UUIDField(), null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(role__in=[*AGENT_ROLES, Role.PUBLISHER]), name="client_role_known"
            ),
            models.CheckConstraint(
                condition=models.Q(customers=None) | ~models.Q(role=Role.PUBLISHER), name="publisher_client_unscoped"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def actor(self) -> Actor:
        """The actor of this program; a publisher's app acts in the role publisher."""
        kind = "publisher" if self.role == Role.PUBLISHER else "client"
        role = Role(self.role)
        customers = None if self.customers is None else frozenset(self.customers)
        return Actor(kind=kind, id=str(self.id), label=self.name, role=role, roles=(role,), customers=customers)


class ClientSecret(models.Model):
    """A secret of a client, kept as a hash; several may be valid while one is being replaced."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="secrets")
    hash = models.CharField(max_length=256)
    hint = models.CharField(max_length=8)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.hint}…"

    def is_valid(self, at: datetime) -> bool:
        return self.created_at <= at < self.expires_at


class PersonalToken(models.Model):
    """With it a program acts as the person who made it, in one role of theirs; only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="personal_tokens")
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=32)
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=list(AGENT_ROLES)), name="personal_token_role_known"),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")), name="personal_token_lives"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def is_valid(self, at: datetime) -> bool:
        return self.revoked_at is None and self.created_at <= at < self.expires_at


class SavedView(models.Model):
    """A list as somebody likes to see it: filters, sort and columns as a query string, for oneself or for everybody."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=32)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=2000, blank=True)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    modified_at = models.DateTimeField()
    # What `saved_views_for` adds.
    opens: bool

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "page", "name"], name="saved_view_name_once"),
            models.CheckConstraint(condition=~models.Q(name=""), name="saved_view_named"),
        ]

    def __str__(self) -> str:
        return self.name


class DefaultView(models.Model):
    """The saved view that a list opens with for one person."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="default_views")
    page = models.CharField(max_length=32)
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="defaults")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "page"], name="default_view_once_per_page")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.page}"


class SigningKey(models.Model):
    """An RSA key of the hub's token issuer; the private half is encrypted with a key derived from SECRET_KEY."""

    kid = models.CharField(max_length=64, primary_key=True)
    private_key = models.BinaryField()
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.kid
