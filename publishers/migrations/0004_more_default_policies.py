"""The hub-wide defaults of the policies about changes, cancelling and renewal."""

from datetime import UTC, datetime
from typing import Any

from django.db import migrations

FROM_THE_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
DEFAULTS = {
    "undo_within": "PT60S",
    "cancel_after_window": "at_term_end",  # rule 47
    "cancel_steps": "",  # rule 27
    "multi_year_locked": "yes",  # rule 48
    "silence_means": "accept",  # rule 41
    "answer_within": "PT10S",  # rule 41
    "change_waits": "PT8H",
    "billing_frequency_change": "at_renewal",  # rule 69
    "request_lives": "P7D",
    "quote_lives": "PT15M",
    "auto_approve": "off",
    "renewal_price": "current",
}


def add_defaults(apps: Any, _schema_editor: Any) -> None:
    policy = apps.get_model("publishers", "Policy")
    for name, value in DEFAULTS.items():
        policy.objects.create(name=name, value=value, valid_from=FROM_THE_BEGINNING)


class Migration(migrations.Migration):
    dependencies = [("publishers", "0003_policy_term")]
    operations = [migrations.RunPython(add_defaults, migrations.RunPython.noop)]
