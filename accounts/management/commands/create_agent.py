import os
from getpass import getpass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policy import AGENT_ROLES, OPERATOR, Role
from accounts.services.people import Profile, create_agent
from partnerhub.clock import now
from partnerhub.errors import HubError

PASSWORD = "HUB_AGENT_PASSWORD"  # noqa: S105 - the name of the variable


class Command(BaseCommand):
    help = (
        "Make a person who signs in, for example the first platform admin, who then invites the others. "
        f"The password is asked for, or taken from the environment variable {PASSWORD}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--role",
            action="append",
            required=True,
            choices=[role.value for role in AGENT_ROLES],
            help="once for each role; the first is the active one",
        )
        parser.add_argument("--language", choices=[code for code, _name in settings.LANGUAGES], default="")

    def handle(self, *args: Any, **options: Any) -> None:
        roles = [Role(role) for role in dict.fromkeys(options["role"])]
        profile = Profile(options["name"], roles, options["language"])
        try:
            user = create_agent(OPERATOR, profile, email=options["email"], password=_password(), at=now())
        except HubError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{user.email} can sign in as {', '.join(roles)}.")


def _password() -> str:
    """Never an argument: those are seen by everybody on the machine."""
    if given := os.environ.get(PASSWORD, ""):
        return given
    typed = getpass("Password: ")
    if typed != getpass("Password again: "):
        raise CommandError("The two passwords are not the same.")
    return typed
