"""The nicknames of the subscriptions that are there, and an index for each order that a list may have.

Filled in batches, each a transaction of its own; a run that was stopped is begun anew and goes on where it was.
"""

from uuid import UUID

import django.db.models.deletion
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Coalesce, Upper

BATCH = 20_000
_FILL = """
WITH batch AS (
  SELECT id, nickname FROM subscriptions_subscription WHERE id > %s ORDER BY id LIMIT %s
), filled AS (
  INSERT INTO subscriptions_nickname (subscription_id, text) SELECT id, nickname FROM batch
  ON CONFLICT (subscription_id) DO NOTHING
)
SELECT id FROM batch ORDER BY id DESC LIMIT 1
"""
_SINCE = Coalesce("ended_at", "suspended_at", "activated_at", "purchased_at")
INDEXES = [
    ("nickname", GinIndex(OpClass(Upper("text"), name="gin_trgm_ops"), name="nickname_parts")),
    ("nickname", models.Index(fields=["text", "subscription"], name="nickname_in_order")),
    ("subscription", models.Index(fields=["publisher", "-purchased_at", "-id"], name="subscription_of_publisher")),
    ("subscription", models.Index(fields=["quantity", "id"], name="subscription_by_quantity")),
    ("subscription", models.Index(_SINCE, "id", name="subscription_by_since")),
    ("subscription", models.Index(fields=["term_end", "id"], name="subscription_by_end")),
    (
        "subscription",
        models.Index(F("term_end").desc(nulls_last=True), F("id").desc(), name="subscription_by_end_desc"),
    ),
]


def fill(apps, schema_editor):
    last = UUID(int=0)
    with schema_editor.connection.cursor() as cursor:
        while last:
            cursor.execute(_FILL, [last, BATCH])
            found = cursor.fetchone()
            last = found and found[0]


def remove_remnants(apps, schema_editor):
    """What a run left that was stopped: an index that is built concurrently is there before it is complete."""
    names = ", ".join(index.name for _model, index in INDEXES)
    schema_editor.execute(f"DROP INDEX IF EXISTS {names}")


def _key(name: str, to: str) -> migrations.AlterField:
    field = models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="subscriptions", to=to
    )
    return migrations.AlterField(model_name="subscription", name=name, field=field)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("subscriptions", "0013_nicknames_beside")]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(remove_remnants, migrations.RunPython.noop),
        *(AddIndexConcurrently(model, index) for model, index in INDEXES),
        _key("customer", "customers.customer"),
        _key("publisher", "publishers.publisher"),
    ]
