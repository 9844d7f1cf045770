"""When a trial ends, and whether it is decided what follows; those that are over already count as decided."""

import django.db.models.functions.datetime
from django.db import migrations, models

import subscriptions.enums

FORWARD = """
UPDATE subscriptions_subscription s
   SET trial_ends = trial.ends, on_trial = s.status IN ('subscribed', 'suspended') AND trial.ends > CURRENT_DATE
  FROM (SELECT line.id AS order_line_id, (bought.activated_at AT TIME ZONE 'UTC')::date + plan.trial_days AS ends
          FROM subscriptions_subscription bought
          JOIN subscriptions_orderline line ON line.id = bought.order_line_id
          JOIN publishers_planterm term ON term.id = line.plan_term_id
          JOIN publishers_plan plan ON plan.id = term.plan_id
          JOIN publishers_plan now_on ON now_on.id = bought.plan_id
         WHERE plan.trial_days > 0 AND now_on.trial_days > 0 AND bought.activated_at IS NOT NULL) AS trial
 WHERE trial.order_line_id = s.order_line_id;
"""


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0008_publishers_watched")]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="on_trial",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="subscription",
            name="trial_ends",
            field=models.DateField(null=True),
        ),
        migrations.RunSQL(
            [FORWARD, "SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED"], migrations.RunSQL.noop
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("on_trial", True)), fields=["trial_ends", "id"], name="subscription_trial_ends"
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("status", subscriptions.enums.Status["SUSPENDED"])),
                fields=["suspended_at", "id"],
                name="subscription_suspended_longest",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("on_trial", False), ("trial_ends", None)),
                    ("trial_ends__gt", django.db.models.functions.datetime.TruncDate("activated_at")),
                    _connector="OR",
                ),
                name="subscription_trial_from_its_activation",
            ),
        ),
    ]
