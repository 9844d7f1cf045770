from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from partnerhub.clock import now
from subscriptions.demo.loading import load


class Command(BaseCommand):
    help = "Load the demo's people, publishers, customers and subscriptions once, and write HUB_DATA/demo.json."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IN_PRODUCTION:
            raise CommandError(
                "The demo's passwords are known to everybody: load it only where HUB_ENV is demo or test."
            )
        self.stdout.write(load(settings.HUB_DATA / "demo.json", at=now()))
