"""The hub-wide defaults of every policy, as rows that a publisher's, offer's or plan's own rows outrank."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations

FROM_THE_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
DEFAULTS = {
    "cancel_within": "P3D",  # rule 45
    "reduce_within": "P7D",  # rule 39
    "activate_within": "P30D",  # rule 24
    "cart_lives": "P7D",  # rule 4
    "link_lives": "P1D",  # rule 20
}


def add_defaults(apps: Any, _schema_editor: Any) -> None:
    policy = apps.get_model("publishers", "Policy")
    for name, value in DEFAULTS.items():
        policy.objects.create(name=name, value=value, valid_from=FROM_THE_BEGINNING)


class Migration(migrations.Migration):
    dependencies = [("publishers", "0001_initial")]
    operations = [migrations.RunPython(add_defaults, migrations.RunPython.noop)]
