from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0002_confirmations_proved")]
    operations = [
        migrations.AddIndex(
            model_name="pollschedule",
            index=models.Index(fields=["publisher"], condition=models.Q(lease__isnull=False), name="poll_under_way"),
        ),
    ]
