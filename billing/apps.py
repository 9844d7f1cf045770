from importlib import import_module

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        import_module("billing.announcing")
        import_module("billing.handlers")
        ledger = import_module("billing.ledger")
        import_module("subscriptions.ledger").register(ledger.BillingLedger())
