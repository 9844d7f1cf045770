from importlib import import_module

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"

    def ready(self) -> None:
        import_module("subscriptions.announcing")
        import_module("subscriptions.bulk")
        import_module("subscriptions.commitments")
        import_module("subscriptions.handlers")
        import_module("subscriptions.queue_jobs")
        import_module("subscriptions.radar")
