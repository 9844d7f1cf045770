from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import autodiscover_modules

from partnerhub.sealing import reseal_all


class Command(BaseCommand):
    help = "Seal everything again under today's SECRET_KEY, so that the old one can leave SECRET_KEY_FALLBACKS."

    def handle(self, *args: Any, **options: Any) -> None:
        # Who keeps something sealed registers it there.
        autodiscover_modules("sealing", "keys")
        lost = 0
        for what, told in reseal_all():
            lost += told.unreadable
            self.stdout.write(f"{what}: {told.done} sealed again, {told.unreadable} cannot be read.")
        if lost:
            raise CommandError(f"{lost} were sealed with a key that stands nowhere any more; they stay as they are.")
        self.stdout.write("SECRET_KEY_FALLBACKS can be emptied now.")
