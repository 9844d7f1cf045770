"""Licences that are added in a term cost the term's price: a policy that nothing asks goes."""

from typing import Any

from django.db import migrations

NAME = "added_seats_price"


def drop_policy(apps: Any, _schema_editor: Any) -> None:
    apps.get_model("publishers", "Policy").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [("publishers", "0006_watching_and_billing_policies")]
    operations = [migrations.RunPython(drop_policy, migrations.RunPython.noop)]
