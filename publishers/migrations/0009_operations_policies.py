"""The hub-wide defaults of the policies about what is brought to somebody's attention, and of notices of renewals."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations

FROM_THE_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
DEFAULTS = {
    "warn_activation_within": "P3D",
    "warn_window_within": "PT24H",
    "warn_renewal_within": "P7D",
    "warn_change_after": "PT1H",
    "renewal_notice_days": "90 60 30 7 1",
    "customer_page_lives": "P14D",
}


def add_defaults(apps: Any, _schema_editor: Any) -> None:
    policy = apps.get_model("publishers", "Policy")
    for name, value in DEFAULTS.items():
        policy.objects.create(name=name, value=value, valid_from=FROM_THE_BEGINNING)


class Migration(migrations.Migration):
    dependencies = [("publishers", "0008_hub_policies_without_gaps")]
    operations = [migrations.RunPython(add_defaults, migrations.RunPython.noop)]
