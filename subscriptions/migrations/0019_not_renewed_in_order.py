"""What does not renew, in the order of lists: it is mostly old, and by status alone it was not met in that order."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("subscriptions", "0018_ranked_attention")]

    operations = [
        migrations.RunSQL("DROP INDEX IF EXISTS subscription_not_renewed", migrations.RunSQL.noop),
        AddIndexConcurrently(
            "subscription",
            models.Index(
                fields=["-purchased_at", "-id"],
                condition=models.Q(auto_renew=False),
                name="subscription_not_renewed",
            ),
        ),
        RemoveIndexConcurrently("subscription", "subscription_not_renewing"),
    ]
