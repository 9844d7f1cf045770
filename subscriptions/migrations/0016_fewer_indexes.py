"""Without the indexes that nobody reads, or that another one begins like: each confirmation wrote all of them."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


def _key(model: str, name: str, to: str, related_name: str, null: bool = False) -> migrations.AlterField:
    field = models.ForeignKey(
        db_index=False, null=null, on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=to
    )
    return migrations.AlterField(model_name=model, name=name, field=field)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("subscriptions", "0015_links_sent_by_page")]

    operations = [
        # What a run left that was stopped: an index that is built concurrently is there before it is complete.
        migrations.RunSQL("DROP INDEX IF EXISTS subscription_of_reseller", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "subscription",
            models.Index(
                condition=models.Q(("reseller__isnull", False)), fields=["reseller"], name="subscription_of_reseller"
            ),
        ),
        _key("subscription", "reseller", "customers.indirectreseller", "subscriptions", null=True),
        _key("subscription", "plan", "publishers.plan", "subscriptions"),
        _key("subscription", "plan_term", "publishers.planterm", "subscriptions"),
        _key("subscription", "price", "publishers.price", "+"),
        _key("gate", "subscription", "subscriptions.subscription", "gates"),
        _key("pollschedule", "publisher", "publishers.publisher", "poll_schedules"),
    ]
