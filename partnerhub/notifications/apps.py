from importlib import import_module

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "partnerhub.notifications"

    def ready(self) -> None:
        import_module("partnerhub.notifications.handlers")
