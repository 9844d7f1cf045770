from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("publishers", "0002_default_policies")]
    operations = [
        migrations.RemoveConstraint(model_name="policy", name="policy_unambiguous"),
        migrations.AddField(
            model_name="policy",
            name="term",
            field=models.CharField(
                blank=True,
                choices=[("P1M", "P1M"), ("P1Y", "P1Y"), ("P2Y", "P2Y"), ("P3Y", "P3Y")],
                default="",
                max_length=3,
            ),
            preserve_default=False,
        ),
        migrations.AlterField(model_name="policy", name="value", field=models.CharField(blank=True, max_length=1000)),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.UniqueConstraint(
                fields=("name", "publisher", "offer", "plan", "term", "valid_from"),
                name="policy_unambiguous",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("term__in", ["", "P1M", "P1Y", "P2Y", "P3Y"])), name="policy_term_known"
            ),
        ),
    ]
