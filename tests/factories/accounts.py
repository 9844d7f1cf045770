from datetime import UTC, datetime
from uuid import uuid4

import factory

from accounts.models import Client, RoleHeld, User
from accounts.policy import Actor, Role

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    name = factory.Sequence(lambda number: f"Agent {number}")
    email = factory.Sequence(lambda number: f"agent{number}@partnerhub.example")
    active_role = Role.SALES_AGENT
    password = factory.django.Password(PASSWORD)

    @factory.post_generation
    def roles(self, create, extracted, **kwargs):
        RoleHeld.objects.bulk_create(RoleHeld(user=self, role=role) for role in extracted or [self.active_role])


class ClientFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Client

    tenant_id = factory.LazyFunction(uuid4)
    name = factory.Sequence(lambda number: f"Program {number}")
    role = Role.ADMIN_AGENT
    created_at = LONG_AGO


def actor(role: Role, *held: Role) -> Actor:
    """An agent who stands in no table: enough for services."""
    return Actor(kind="user", id=f"id-of-{role}", label=f"A {role}", role=role, roles=held or (role,))
