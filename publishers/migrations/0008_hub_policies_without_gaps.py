"""No day without a hub-wide policy: a row is not ended, moved or deleted before another takes its place."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("publishers", "0007_added_seats_price"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="policy",
            trigger=pgtrigger.compiler.Trigger(
                name="hub_policy_without_gaps",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."offer_id" IS NULL AND OLD."plan_id" IS NULL AND OLD."publisher_id" IS NULL AND OLD."term" = \'\')',
                    constraint="CONSTRAINT",
                    func="\n    IF NOT EXISTS (SELECT FROM publishers_policy\n                    WHERE name = OLD.name AND num_nonnulls(plan_id, offer_id, publisher_id) = 0 AND term = ''\n                      AND valid_from <= OLD.valid_from AND (valid_to IS NULL OR valid_to > OLD.valid_from))\n       OR EXISTS (SELECT FROM publishers_policy ended\n                   WHERE name = OLD.name AND num_nonnulls(plan_id, offer_id, publisher_id) = 0 AND term = ''\n                     AND valid_to > OLD.valid_from\n                     AND NOT EXISTS (SELECT FROM publishers_policy following\n                                      WHERE name = OLD.name AND term = ''\n                                        AND num_nonnulls(plan_id, offer_id, publisher_id) = 0\n                                        AND valid_from <= ended.valid_to\n                                        AND (valid_to IS NULL OR valid_to > ended.valid_to)))\n    THEN RAISE EXCEPTION 'hub_policy_without_gaps: %', OLD.name USING ERRCODE = 'check_violation';\n    END IF;\n    RETURN NULL;\n",
                    hash="671e9ea1cde957f4e94a1987cfbee05f218fa66c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_hub_policy_without_gaps_57b09",
                    table="publishers_policy",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
