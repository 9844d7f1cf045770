from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.policy import OPERATOR
from partnerhub.clock import now
from publishers.models import Publisher
from publishers.services.selftest import Verdict, try_out
from publishers.words import STEP, finding_words, heard_words


class Command(BaseCommand):
    help = "Try out a publisher's connection step by step and say what fails; exit code 1 when something does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        publisher = Publisher.objects.filter(name=options["name"]).first()
        if publisher is None:
            raise CommandError(f"There is no publisher {options['name']}.")
        steps = try_out(OPERATOR, publisher.pk, at=now())
        for step in steps:
            self.stdout.write(f"{step.verdict.upper():8} {STEP[step.name]}: {finding_words(step)}")
            for line in (step.sent, heard_words(step.heard)):
                if line:
                    self.stdout.write(f"         {line}")
        failed = sum(step.verdict == Verdict.FAILED for step in steps)
        if failed:
            raise CommandError(f"{failed} of {len(steps)} steps failed.")
