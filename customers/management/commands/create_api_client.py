import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policy import OPERATOR, Role
from accounts.services.clients import create_api_client
from customers.selectors import ids_of_customers
from partnerhub.clock import now
from partnerhub.errors import HubError

ROLES = (Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT)


class Command(BaseCommand):
    help = "Create a program that may use the API, and print its credentials as JSON. The secret is printed only now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="what people will recognise the program by")
        parser.add_argument("--role", choices=[role.value for role in ROLES], default=Role.ADMIN_AGENT.value)
        parser.add_argument(
            "--customer",
            action="append",
            metavar="DOMAIN",
            help="the primary domain or the id of a customer that it sees, once for each; all of them without",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = UUID(settings.HUB_TENANT_ID)
        role = Role(options["role"])
        customers = _scope(options["customer"])
        try:
            client, secret = create_api_client(
                OPERATOR, name=options["name"], role=role, tenant_id=tenant_id, customers=customers, at=now()
            )
        except HubError as refusal:
            raise CommandError(str(refusal)) from refusal
        credentials = {"tenant_id": str(tenant_id), "client_id": str(client.pk), "client_secret": secret}
        self.stdout.write(json.dumps(credentials, indent=2))


def _scope(named: list[str] | None) -> list[UUID] | None:
    """The customers that were named; None, which is all of them, where none was. Raises CommandError."""
    if named is None:
        return None
    asked = [name.strip().lower() for name in named]
    found = ids_of_customers(OPERATOR, asked)
    if unknown := [name for name in asked if name not in found]:
        raise CommandError(f"There is no customer {', '.join(unknown)}.")
    return [found[name] for name in asked]
