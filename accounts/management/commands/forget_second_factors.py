"""Lets somebody in again who has lost app, passkeys and recovery codes: the password alone signs in once more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policy import OPERATOR
from accounts.services.sign_ins import forget_second_factors
from partnerhub.clock import now
from partnerhub.errors import HubError


class Command(BaseCommand):
    help = "Remove all second factors of an agent who has lost them, and end the agent's sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            count = forget_second_factors(OPERATOR, email, at=now())
        except HubError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"Second factors removed of {email}: {count}")
