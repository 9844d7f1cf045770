"""What a plan's customers are asked before it can be set up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("publishers", "0009_operations_policies")]

    operations = [
        migrations.AddField(
            model_name="plan",
            name="setup_questions",
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        )
    ]
