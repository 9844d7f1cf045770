"""Nicknames beside their subscriptions, kept by the database; 0014 fills in those that are there."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

NICKNAME_KEPT = """
    INSERT INTO subscriptions_nickname (subscription_id, text) VALUES (NEW.id, NEW.nickname)
    ON CONFLICT (subscription_id) DO UPDATE SET text = EXCLUDED.text;
    RETURN NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0003_searched_by_parts"), ("subscriptions", "0011_customer_pages")]

    operations = [
        migrations.CreateModel(
            name="Nickname",
            fields=[
                (
                    "subscription",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="searched_nickname",
                        serialize=False,
                        to="subscriptions.subscription",
                    ),
                ),
                ("text", models.CharField(max_length=200)),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="subscription",
            trigger=pgtrigger.compiler.Trigger(
                name="nickname_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func=NICKNAME_KEPT,
                    hash="ef09bb8c120b3739939d0688a0556eaa0397a191",
                    operation='INSERT OR UPDATE OF "nickname"',
                    pgid="pgtrigger_nickname_kept_5f19d",
                    table="subscriptions_subscription",
                    when="AFTER",
                ),
            ),
        ),
    ]
