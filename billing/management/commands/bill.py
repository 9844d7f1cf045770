from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.policy import OPERATOR
from billing.invoicing import Billed, bill, preview
from partnerhub.clock import now
from partnerhub.errors import HubError
from partnerhub.money import Money


class Command(BaseCommand):
    help = "Draft the invoices of every month that is over, and finalize those whose review is over. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--as-of", type=date.fromisoformat, help="Which day it is taken to be (UTC); today.")
        parser.add_argument("--preview", action="store_true", help="Show what would be done, and do nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        at = now()
        act = preview if options["preview"] else bill
        try:
            billed = act(OPERATOR, as_of=options["as_of"] or at.date(), at=at)
        except HubError as refusal:
            raise CommandError(str(refusal), returncode=1) from None
        self._tell(billed)
        failures = [failure["why"] for run in billed.runs for failure in run.failures]
        if failures or billed.refused:
            raise CommandError("\n".join(["Not billed:", *failures, *map(str, billed.refused.values())]), returncode=1)

    def _tell(self, billed: Billed) -> None:
        for run in billed.runs:
            self.stdout.write(f"{run}: {run.invoices} drafts, {run.lines} lines.")
        for currency, total in billed.totals.items():
            net, tax, gross = (Money(amount, currency).text for amount in (total.net, total.tax, total.gross))
            self.stdout.write(f"{currency}: {total.invoices} invoices, net {net}, tax {tax}, total {gross}.")
        self.stdout.write(f"{billed.finalized} finalized.")
