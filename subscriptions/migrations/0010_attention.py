"""What somebody must act on, as a view over its causes; what people make of it; notices of renewals."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import subscriptions.enums

_OF_SUBSCRIPTION = """
       s.id AS subscription_id, s.customer_id, s.publisher_id, s.offer_id, s.plan_id, term.term::varchar AS term"""
_AT_RISK = """
       s.unit_price * CASE WHEN plan.pricing = 'per_user' THEN s.quantity ELSE 1 END AS weight,
       s.currency::varchar AS currency"""
_CATALOGUE = """
  JOIN publishers_planterm term ON term.id = s.plan_term_id
  JOIN publishers_plan plan ON plan.id = s.plan_id"""
_NO_WORDS = "''::varchar AS message, ''::varchar AS action_url"

# Until the link has been opened only its trial or price at the order is at risk: a trial's first charge is nothing.
_PENDING_AT_RISK = """
       CASE WHEN plan.trial_days > 0 THEN 0
            ELSE s.unit_price * CASE WHEN plan.pricing = 'per_user' THEN s.quantity ELSE 1 END END AS weight,
       s.currency::varchar AS currency"""

# The one gate that keeps billing from starting: a cancellation outranks what is missing (subscriptions/gates.py).
_GATES = f"""
SELECT s.id || ':' || gate.gate AS id, coalesce(nullif(gate.reason, ''), 'awaiting_customer_setup')::varchar AS cause,
       gate.gate::varchar AS subject_id,{_OF_SUBSCRIPTION},
       gate.owner::varchar AS owner, gate.next_action::varchar AS remedy, gate.message::varchar AS message,
       gate.action_url::varchar AS action_url, gate.since, gate.due_at, NULL::date AS renews_on,{_PENDING_AT_RISK}
  FROM subscriptions_subscription s
  JOIN LATERAL (SELECT * FROM subscriptions_gate
                 WHERE subscription_id = s.id AND state <> 'satisfied'
                 ORDER BY (gate = 'not_cancelled' AND state = 'failed') DESC, position LIMIT 1) AS gate ON true{_CATALOGUE}
 WHERE s.status = 'pending_fulfillment_start'
"""
_LINKS = f"""
SELECT s.id || ':link_expired', 'link_expired', link.token_hash,{_OF_SUBSCRIPTION},
       'partner', 'send_link', {_NO_WORDS}, link.expires_at, s.activate_by, NULL::date,{_PENDING_AT_RISK}
  FROM subscriptions_subscription s
  JOIN LATERAL (SELECT * FROM subscriptions_purchasetoken
                 WHERE subscription_id = s.id ORDER BY minted_at DESC LIMIT 1) AS link ON link.resolved_at IS NULL{_CATALOGUE}
 WHERE s.status = 'pending_fulfillment_start'
   AND EXISTS (SELECT FROM subscriptions_gate WHERE subscription_id = s.id AND gate = 'licenses_assigned'
                  AND state = 'pending' AND reason IN ('', 'awaiting_customer_setup'))
   AND NOT EXISTS (SELECT FROM subscriptions_purchasetoken WHERE subscription_id = s.id AND resolved_at IS NOT NULL)
"""
_DEADLINES = f"""
SELECT s.id || ':activation_deadline', 'activation_deadline', '',{_OF_SUBSCRIPTION},
       'partner', 'decide_in_time', {_NO_WORDS}, s.purchased_at, s.activate_by, NULL::date,{_PENDING_AT_RISK}
  FROM subscriptions_subscription s{_CATALOGUE}
 WHERE s.status = 'pending_fulfillment_start'
"""
_WINDOWS = f"""
SELECT s.id || ':window_closing', 'window_closing', '',{_OF_SUBSCRIPTION},
       'partner', 'decide_in_time', {_NO_WORDS}, s.purchased_at, NULL::timestamptz, NULL::date,{_PENDING_AT_RISK}
  FROM subscriptions_subscription s{_CATALOGUE}
 WHERE s.status = 'pending_fulfillment_start'
"""
_CHANGES = f"""
SELECT s.id || ':change_waiting', 'change_waiting', op.id::text,{_OF_SUBSCRIPTION},
       'publisher', 'hurry_publisher', op.last_error::varchar, '', op.created_at, op.due_at, NULL::date,{_AT_RISK}
  FROM subscriptions_operation op
  JOIN subscriptions_subscription s ON s.id = op.subscription_id{_CATALOGUE}
 WHERE op.status IN ('not_started', 'in_progress') AND op.held_until IS NULL
   AND op.action NOT IN ('subscribe', 'suspend', 'reinstate')
"""
# Of an ended subscription only its end matters: the publisher may still serve it.
_FAILURES = f"""
SELECT s.id || ':change_failed', 'change_failed', op.id::text,{_OF_SUBSCRIPTION},
       'partner', 'look_at_change', op.last_error::varchar, '', op.completed_at, NULL::timestamptz, NULL::date,{_AT_RISK}
  FROM subscriptions_operation op
  JOIN subscriptions_subscription s ON s.id = op.subscription_id{_CATALOGUE}
 WHERE op.status IN ('failed', 'conflict') AND op.seen_at IS NULL
   AND (s.status <> 'unsubscribed' OR op.action = 'unsubscribe')
   AND NOT EXISTS (SELECT FROM subscriptions_operation later
                    WHERE later.subscription_id = op.subscription_id AND later.created_at > op.created_at)
"""
_REQUESTS = f"""
SELECT s.id || ':change_asked:' || asked.id, 'change_asked', asked.id::text,{_OF_SUBSCRIPTION},
       'partner', 'decide_request', asked.reason::varchar, '', asked.requested_at, asked.expires_at, NULL::date,{_AT_RISK}
  FROM subscriptions_changerequest asked
  JOIN subscriptions_subscription s ON s.id = asked.subscription_id{_CATALOGUE}
 WHERE asked.status = 'open'
"""
_DRIFT = f"""
SELECT s.id || ':drift:' || d.kind, 'drift', d.id::text,{_OF_SUBSCRIPTION},
       'publisher', 'settle_divergence', d.kind::varchar, '', d.first_seen_at, NULL::timestamptz, NULL::date,{_AT_RISK}
  FROM subscriptions_divergence d
  JOIN subscriptions_subscription s ON s.id = d.subscription_id{_CATALOGUE}
 WHERE d.ended_at IS NULL
"""
_RENEWALS = f"""
SELECT s.id || ':renewal_unannounced:' || s.term_end, 'renewal_unannounced', s.term_end::text,{_OF_SUBSCRIPTION},
       'partner', 'send_notice', {_NO_WORDS}, s.activated_at, s.term_end::timestamp AT TIME ZONE 'UTC',
       s.term_end,{_AT_RISK}
  FROM subscriptions_subscription s{_CATALOGUE}
 WHERE s.status = 'subscribed' AND s.auto_renew
   AND NOT EXISTS (SELECT FROM subscriptions_renewalnotice notice
                     JOIN mail_message message ON message.id = notice.message_id AND message.sent_at IS NOT NULL
                    WHERE notice.subscription_id = s.id AND notice.term_end = s.term_end)
"""
_SUSPENSIONS = f"""
SELECT s.id || ':payment_suspended', 'payment_suspended', '',{_OF_SUBSCRIPTION},
       'customer', 'reinstate', {_NO_WORDS}, s.suspended_at, NULL::timestamptz, NULL::date,{_AT_RISK}
  FROM subscriptions_subscription s{_CATALOGUE}
 WHERE s.status = 'suspended'
"""
_OF_PUBLISHER = """
       NULL::uuid, NULL::uuid, p.id, NULL::uuid, NULL::uuid, ''"""
_CIRCUITS = f"""
SELECT p.id || ':publisher_down', 'publisher_down', p.id::text,{_OF_PUBLISHER},
       'publisher', 'test_connection', p.last_failure::varchar, '',
       greatest(p.last_success_at, p.created_at), NULL::timestamptz, NULL::date,
       0::numeric, ''
  FROM publishers_publisher p
 WHERE p.circuit <> 'closed'
"""
_SECRETS = f"""
SELECT p.id || ':secret_expiring', 'secret_expiring', p.id::text,{_OF_PUBLISHER},
       'platform', 'make_secret', {_NO_WORDS}, secret.created_at, secret.expires_at, NULL::date, 0::numeric, ''
  FROM publishers_publisher p
  JOIN LATERAL (SELECT * FROM accounts_clientsecret
                 WHERE client_id = p.client_id ORDER BY expires_at DESC, id DESC LIMIT 1) AS secret ON true
"""
_CAUSES = (
    _GATES, _LINKS, _DEADLINES, _WINDOWS, _CHANGES, _FAILURES, _REQUESTS, _DRIFT, _RENEWALS, _SUSPENSIONS, _CIRCUITS,
    _SECRETS,
)  # fmt: skip
_ATTENTION = "CREATE VIEW subscriptions_attention AS" + "UNION ALL".join(_CAUSES)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_last_use_of_secrets"),
        ("mail", "0001_messages"),
        ("publishers", "0008_hub_policies_without_gaps"),
        ("subscriptions", "0009_trial_ends"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AttentionItem",
            fields=[
                ("id", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("cause", models.CharField(max_length=32)),
                ("subject_id", models.CharField(max_length=64)),
                ("customer_id", models.UUIDField(null=True)),
                ("offer_id", models.UUIDField(null=True)),
                ("plan_id", models.UUIDField(null=True)),
                ("term", models.CharField(max_length=3)),
                ("owner", models.CharField(max_length=16)),
                ("remedy", models.CharField(max_length=32)),
                ("message", models.CharField(max_length=500)),
                ("action_url", models.CharField(max_length=1000)),
                ("since", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True)),
                ("renews_on", models.DateField(null=True)),
                ("weight", models.DecimalField(decimal_places=4, max_digits=20)),
                ("currency", models.CharField(max_length=3)),
            ],
            options={
                "db_table": "subscriptions_attention",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="RenewalNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("term_end", models.DateField()),
                ("days_before", models.PositiveSmallIntegerField()),
                ("reader", models.CharField(blank=True, max_length=64)),
                ("why", models.CharField(blank=True, max_length=32)),
                ("noticed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Triage",
            fields=[
                ("item", models.CharField(max_length=120, primary_key=True, serialize=False)),
                ("snoozed", models.BooleanField(default=False)),
                ("snoozed_until", models.DateTimeField(null=True)),
                ("since", models.DateTimeField()),
                ("changed_by", models.CharField(max_length=200)),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="operation",
            name="seen_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(
                    ("seen_at", None),
                    (
                        "status__in",
                        [
                            subscriptions.enums.OperationStatus["FAILED"],
                            subscriptions.enums.OperationStatus["CONFLICT"],
                        ],
                    ),
                ),
                fields=["subscription"],
                name="operation_failed_unseen",
            ),
        ),
        migrations.AddField(
            model_name="renewalnotice",
            name="message",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="renewal_notice", to="mail.message"
            ),
        ),
        migrations.AddField(
            model_name="renewalnotice",
            name="subscription",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="renewal_notices",
                to="subscriptions.subscription",
            ),
        ),
        migrations.AddField(
            model_name="triage",
            name="assignee",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="triages",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="triage",
            name="subscription",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="triages",
                to="subscriptions.subscription",
            ),
        ),
        migrations.AddConstraint(
            model_name="renewalnotice",
            constraint=models.UniqueConstraint(
                fields=("subscription", "term_end", "days_before", "reader"), name="renewal_notice_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="renewalnotice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("message__isnull", False), ("why", "")),
                    models.Q(("message", None), models.Q(("why", ""), _negated=True)),
                    _connector="OR",
                ),
                name="renewal_notice_sent_or_why_not",
            ),
        ),
        migrations.AddIndex(
            model_name="triage",
            index=models.Index(fields=["-changed_at"], name="triage_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="triage",
            constraint=models.CheckConstraint(
                condition=models.Q(("snoozed", True), ("snoozed_until", None), _connector="OR"),
                name="triage_snoozed_until",
            ),
        ),
        migrations.AddConstraint(
            model_name="triage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("snoozed_until", None), ("snoozed_until__gt", models.F("changed_at")), _connector="OR"
                ),
                name="triage_snoozed_ahead",
            ),
        ),
        migrations.RunSQL(_ATTENTION, "DROP VIEW subscriptions_attention"),
    ]
