from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "partnerhub.mail"
    label = "mail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from partnerhub.mail import checks  # noqa: F401, PLC0415 - registers itself
