"""The hub-wide defaults of the policies about how long what names people is kept."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations

FROM_THE_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
DEFAULTS = {"mails_kept": "P365D", "deliveries_kept": "P90D", "refusals_kept": "P730D"}


def add_defaults(apps: Any, _schema_editor: Any) -> None:
    policy = apps.get_model("publishers", "Policy")
    for name, value in DEFAULTS.items():
        policy.objects.create(name=name, value=value, valid_from=FROM_THE_BEGINNING)


class Migration(migrations.Migration):
    dependencies = [("publishers", "0010_setup_questions")]
    operations = [migrations.RunPython(add_defaults, migrations.RunPython.noop)]
