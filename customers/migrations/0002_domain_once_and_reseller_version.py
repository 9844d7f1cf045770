from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [("customers", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="indirectreseller", name="version", field=models.PositiveIntegerField(default=1)
        ),
        migrations.AddConstraint(
            model_name="customer", constraint=models.UniqueConstraint(Lower("domain"), name="customer_domain_once")
        ),
    ]
