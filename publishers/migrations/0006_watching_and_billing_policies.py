"""The hub-wide defaults of the policies about watching publishers, and of those that billing asks."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations

FROM_THE_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
DEFAULTS = {
    "subscribe_notice": "no",
    "publisher_changes": "refused",  # rules 29, 43
    "activate_differing": "accept",
    "remind_customer_after": "P2D",
    "remind_agent_after": "P5D",
    "remind_publisher_after": "P10D",
    "remind_admin_after": "P15D",
    "offer_cancel_after": "P23D",
    "drift_check_every": "P1D",
    "warn_secret_within": "P30D",
    "suspension_lasts": "P30D",  # rule 62
    "rounding": "line",  # rule 80
    "invoice_review": "P6D",  # rule 74
    "invoice_due_within": "P60D",  # rule 74
}


def add_defaults(apps: Any, _schema_editor: Any) -> None:
    policy = apps.get_model("publishers", "Policy")
    for name, value in DEFAULTS.items():
        policy.objects.create(name=name, value=value, valid_from=FROM_THE_BEGINNING)


class Migration(migrations.Migration):
    dependencies = [("publishers", "0005_connections")]
    operations = [migrations.RunPython(add_defaults, migrations.RunPython.noop)]
