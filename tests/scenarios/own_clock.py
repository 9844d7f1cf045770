"""A hub in the test's process, served over real HTTP, whose clock the test moves: months pass in a moment."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection

from accounts.policy import SYSTEM
from billing.services.charging import charge_cycles
from partnerhub.clock import now
from partnerhub.outbox.delivery import deliver_due
from subscriptions.operations import Sender
from subscriptions.polling import Poller
from subscriptions.services.renewal import renew_due
from subscriptions.window import Bounds
from tests.factories.customers import CustomerFactory
from tests.scenarios.client import Charge


class HubWithItsOwnClock:
    """Stands where a `Hub` does for a `Program`. Nothing happens in the background but in `work`."""

    def __init__(self, base_url: str, monkeypatch: Any, settings: Any) -> None:
        self.base_url, self.secrets = base_url, set[str]()
        self._monkeypatch, self._settings, self._ahead = monkeypatch, settings, timedelta()
        customer = CustomerFactory()
        credentials = said("create_api_client", name="Scenario")
        customers = [{"id": str(customer.pk), "name": customer.name}]
        self.demo: dict[str, Any] = {"customers": customers, "catalog_items": [], "api": credentials}

    def register(self, document: dict[str, Any], folder: Path) -> dict[str, Any]:
        file = folder / "publisher.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        registration = said("register_publisher", str(file))
        self.demo["catalog_items"] += registration["catalog_items"]
        return registration

    def wait(self, time: timedelta) -> None:
        """Let so much time pass for the hub, in whole seconds."""
        self._ahead += time
        offset = f"PT{int(self._ahead.total_seconds())}S"
        self._settings.HUB_CLOCK_OFFSET = offset
        self._monkeypatch.setenv("HUB_CLOCK_OFFSET", offset)

    def work(self) -> None:
        """What beat and the workers do, once."""
        bounds = Bounds(seconds=5, idle_seconds=0)
        renew_due(SYSTEM, at=now())
        Poller(SYSTEM, bounds).run()
        Sender(SYSTEM, bounds).run()
        deliver_due(now())
        charge_cycles(SYSTEM, at=now())

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall()

    def charges(self, subscription_id: str) -> list[Charge]:
        statement = """SELECT charge_type, quantity, amount, currency, confirmed_at FROM billing_charge
                        WHERE subscription_id = %s ORDER BY sequence"""
        return [Charge(*row) for row in self.rows(statement, subscription_id)]


def said(command: str, *arguments: str, **options: Any) -> dict[str, Any]:
    """The JSON that a command prints."""
    printed = StringIO()
    call_command(command, *arguments, stdout=printed, **options)
    answer: dict[str, Any] = json.loads(printed.getvalue())
    return answer
