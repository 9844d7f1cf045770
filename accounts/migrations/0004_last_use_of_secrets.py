from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_scope_and_personal_tokens")]

    operations = [
        migrations.AddField(model_name="clientsecret", name="last_used_at", field=models.DateTimeField(null=True)),
    ]
