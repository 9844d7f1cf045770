import json
from typing import Any

from django.core.management.base import BaseCommand

from accounts.policy import SYSTEM
from partnerhub.clock import now
from subscriptions.polling import Poller
from subscriptions.window import Bounds


class Command(BaseCommand):
    help = "Ask every publisher about each purchase that is due now, once, and print a summary as JSON."

    def handle(self, *_args: Any, **_options: Any) -> None:
        tally = Poller(SYSTEM, Bounds(seconds=600, idle_seconds=0), due_by=now()).run()
        counted = {"asked": tally.asked, "activated": tally.activated, "dropped": tally.dropped}
        self.stdout.write(json.dumps(counted | {"outcomes": tally.outcomes}))
