"""The hub-wide default of the policy about licences that are added within a term."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations

FROM_THE_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


def add_defaults(apps: Any, _schema_editor: Any) -> None:
    policy = apps.get_model("publishers", "Policy")
    policy.objects.create(name="added_seats_price", value="term", valid_from=FROM_THE_BEGINNING)


class Migration(migrations.Migration):
    dependencies = [("publishers", "0006_watching_and_billing_policies")]
    operations = [migrations.RunPython(add_defaults, migrations.RunPython.noop)]
