from django.db import migrations, models

SUSPENDED = "suspended"


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0004_polls_fresh_again")]
    operations = [
        migrations.AddField(model_name="subscription", name="suspended_at", field=models.DateTimeField(null=True)),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(status=SUSPENDED, suspended_at__isnull=False)
                | (~models.Q(status=SUSPENDED) & models.Q(suspended_at=None)),
                name="subscription_suspended_since",
            ),
        ),
    ]
