"""What somebody must act on, ranked once; what changes is noted by the database and ranked again by the scheduler."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

_ITEM = [
    ("id", models.CharField(max_length=120, primary_key=True, serialize=False)),
    ("cause", models.CharField(max_length=32)),
    ("owner", models.CharField(max_length=16)),
    ("customer_id", models.UUIDField()),
    ("since", models.DateTimeField()),
    ("rank", models.CharField(max_length=64, null=True)),
    ("moves_at", models.DateTimeField(null=True)),
    (
        "publisher",
        models.ForeignKey(
            db_constraint=False,
            db_index=False,
            on_delete=django.db.models.deletion.DO_NOTHING,
            related_name="+",
            to="publishers.publisher",
        ),
    ),
    (
        "subscription",
        models.ForeignKey(
            db_constraint=False,
            on_delete=django.db.models.deletion.DO_NOTHING,
            related_name="+",
            to="subscriptions.subscription",
        ),
    ),
]
# Each table with what a row of the view is made of, and which of its columns names the subscription.
_SOURCES = {
    "subscriptions_subscription": "id",
    "subscriptions_gate": "subscription_id",
    "subscriptions_purchasetoken": "subscription_id",
    "subscriptions_operation": "subscription_id",
    "subscriptions_changerequest": "subscription_id",
    "subscriptions_divergence": "subscription_id",
    "subscriptions_renewalnotice": "subscription_id",
}
_TOUCH = """
CREATE FUNCTION subscriptions_touch{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO subscriptions_touchedsubscription (subscription_id) {touched};
  RETURN NULL;
END $$;
"""
_TOUCHES = "".join(
    _TOUCH.format(name=name, touched=touched)
    for name, touched in {
        "": "SELECT id FROM touched",
        "_of": "SELECT DISTINCT subscription_id FROM touched",
        "_by_message": """SELECT notice.subscription_id FROM subscriptions_renewalnotice AS notice
   WHERE notice.message_id = NEW.id""",
        "_by_plan": """SELECT id FROM subscriptions_subscription
   WHERE offer_id = NEW.offer_id AND plan_id = NEW.id AND status <> 'unsubscribed'""",
    }.items()
)
_KEPT = "".join(
    f"CREATE TRIGGER subscriptions_touched_{event.lower()} AFTER {event} ON {table}"
    f" REFERENCING {state} TABLE AS touched FOR EACH STATEMENT"
    f" EXECUTE FUNCTION subscriptions_touch{'' if column == 'id' else '_of'}();\n"
    for table, column in _SOURCES.items()
    for event, state in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
)
_ELSEWHERE = """
CREATE TRIGGER subscriptions_touched AFTER UPDATE OF sent_at ON mail_message
  FOR EACH ROW WHEN (OLD.sent_at IS DISTINCT FROM NEW.sent_at) EXECUTE FUNCTION subscriptions_touch_by_message();
CREATE TRIGGER subscriptions_touched AFTER UPDATE OF pricing, trial_days ON publishers_plan
  FOR EACH ROW WHEN (OLD.pricing <> NEW.pricing OR OLD.trial_days <> NEW.trial_days)
  EXECUTE FUNCTION subscriptions_touch_by_plan();
CREATE FUNCTION subscriptions_end_ranking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE subscriptions_ranking SET until = NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER subscriptions_ranking_ends AFTER INSERT OR UPDATE OR DELETE ON publishers_policy
  FOR EACH STATEMENT EXECUTE FUNCTION subscriptions_end_ranking();
"""
_DROPPED = (
    "DROP FUNCTION subscriptions_touch, subscriptions_touch_of, subscriptions_touch_by_message,"
    " subscriptions_touch_by_plan, subscriptions_end_ranking CASCADE"
)


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0001_messages"),
        ("publishers", "0008_hub_policies_without_gaps"),
        ("subscriptions", "0017_lists_narrowed"),
    ]

    operations = [
        migrations.CreateModel("RankedItem", _ITEM),
        migrations.CreateModel(
            "TouchedSubscription",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subscription_id", models.UUIDField()),
            ],
        ),
        migrations.CreateModel(
            "Ranking",
            [
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("ranked_at", models.DateTimeField(null=True)),
                ("until", models.DateTimeField(null=True)),
            ],
            {"constraints": [models.CheckConstraint(condition=Q(id=1), name="ranking_only_one")]},
        ),
        migrations.AddIndex(
            "rankeditem",
            models.Index(
                fields=["rank", "id"],
                include=["subscription", "cause", "since"],
                condition=Q(rank__isnull=False),
                name="ranked_item_urgent_first",
            ),
        ),
        migrations.AddIndex("rankeditem", models.Index(fields=["cause", "rank", "id"], name="ranked_item_of_cause")),
        migrations.AddIndex(
            "rankeditem",
            models.Index(fields=["moves_at"], condition=Q(moves_at__isnull=False), name="ranked_item_moves"),
        ),
        migrations.RunSQL(_TOUCHES + _KEPT + _ELSEWHERE, _DROPPED),
    ]
