"""Indexes for lists that are narrowed by whom something waits for, by its reason, and by auto-renew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0016_fewer_indexes")]

    operations = [
        migrations.AddIndex(
            "gate",
            models.Index(
                fields=["owner", "reason", "subscription"], condition=~models.Q(state="satisfied"), name="gate_open"
            ),
        ),
        migrations.AddIndex(
            "subscription",
            models.Index(
                fields=["status", "-purchased_at", "-id"],
                condition=models.Q(auto_renew=False),
                name="subscription_not_renewing",
            ),
        ),
    ]
