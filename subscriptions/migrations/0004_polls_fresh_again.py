from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def count_from_purchase(apps, schema_editor):
    subscriptions = apps.get_model("subscriptions", "Subscription").objects.filter(pk=OuterRef("pk"))
    schedules = apps.get_model("subscriptions", "PollSchedule").objects
    schedules.update(fresh_since=Subquery(subscriptions.values("purchased_at")[:1]))


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0003_polls_under_way")]
    operations = [
        migrations.AddField(model_name="pollschedule", name="fresh_since", field=models.DateTimeField(null=True)),
        migrations.RunPython(count_from_purchase, migrations.RunPython.noop),
        migrations.AlterField(model_name="pollschedule", name="fresh_since", field=models.DateTimeField()),
    ]
