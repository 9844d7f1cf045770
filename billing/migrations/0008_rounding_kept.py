"""How the lines of an account are rounded: so far all by `line`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_statements")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="rounding",
            field=models.CharField(db_default="line", default="line", max_length=8),
        ),
    ]
