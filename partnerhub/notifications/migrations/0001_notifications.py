"""What people are told: wishes, what was seen open, notifications, channels, deliveries."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import partnerhub.notifications.enums


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("accounts", "0004_last_use_of_secrets"),
        ("mail", "0001_messages"),
        ("publishers", "0008_hub_policies_without_gaps"),
        ("subscriptions", "0010_attention"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
                ("name", models.CharField(max_length=80)),
                ("address", models.BinaryField()),
                ("shown", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_channels",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Choice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic", models.CharField(max_length=32)),
                ("how", models.CharField(max_length=8)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_choices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("is_test", models.BooleanField(default=False)),
                ("content", models.JSONField()),
                ("created_at", models.DateTimeField()),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, max_length=300)),
                (
                    "channel",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="notifications.channel",
                    ),
                ),
                (
                    "message",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notification_delivery",
                        to="mail.message",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_deliveries",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Preference",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="notification_preference",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("only_own", models.BooleanField()),
                ("by_mail", models.BooleanField(default=True)),
                ("language", models.CharField(max_length=5)),
                ("zone", models.CharField(max_length=64)),
                ("digest_hour", models.PositiveSmallIntegerField()),
                ("quiet_from", models.TimeField(null=True)),
                ("quiet_until", models.TimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("digest_hour__lt", 24)), name="digest_hour_of_a_day"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quiet_from", None), ("quiet_until", None)),
                            models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="quiet_hours_have_both_ends",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Sighting",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("item", models.CharField(max_length=120)),
                ("since", models.DateTimeField()),
                ("topic", models.CharField(max_length=32)),
                ("cause", models.CharField(max_length=32)),
                ("facts", models.JSONField()),
                ("seen_at", models.DateTimeField()),
                ("over_at", models.DateTimeField(null=True)),
                (
                    "publisher",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="publishers.publisher",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="subscriptions.subscription",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=200)),
                ("topic", models.CharField(max_length=32)),
                ("facts", models.JSONField()),
                ("how", models.CharField(max_length=8)),
                ("created_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "publisher",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="publishers.publisher",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="subscriptions.subscription",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "sighting",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="notifications.sighting",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            partnerhub.notifications.enums.Kind["WEBHOOK"],
                            partnerhub.notifications.enums.Kind["SLACK"],
                            partnerhub.notifications.enums.Kind["TEAMS"],
                            partnerhub.notifications.enums.Kind["OTHER"],
                        ],
                    )
                ),
                name="channel_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="choice",
            constraint=models.UniqueConstraint(fields=("user", "topic"), name="notification_choice_once_a_topic"),
        ),
        migrations.AddConstraint(
            model_name="choice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "topic__in",
                        [
                            partnerhub.notifications.enums.Topic["MENTIONED"],
                            partnerhub.notifications.enums.Topic["ASSIGNED"],
                            partnerhub.notifications.enums.Topic["WAITING"],
                            partnerhub.notifications.enums.Topic["PUBLISHER_ASKS"],
                            partnerhub.notifications.enums.Topic["PUBLISHER_REFUSED"],
                            partnerhub.notifications.enums.Topic["LINK_EXPIRED"],
                            partnerhub.notifications.enums.Topic["ACTIVATION_DEADLINE"],
                            partnerhub.notifications.enums.Topic["WINDOW_CLOSING"],
                            partnerhub.notifications.enums.Topic["CHANGE_ASKED"],
                            partnerhub.notifications.enums.Topic["CHANGE_WAITING"],
                            partnerhub.notifications.enums.Topic["CHANGE_FAILED"],
                            partnerhub.notifications.enums.Topic["DRIFT"],
                            partnerhub.notifications.enums.Topic["RENEWAL_UNANNOUNCED"],
                            partnerhub.notifications.enums.Topic["PAYMENT_SUSPENDED"],
                            partnerhub.notifications.enums.Topic["PUBLISHER_DOWN"],
                            partnerhub.notifications.enums.Topic["SECRET_EXPIRING"],
                        ],
                    )
                ),
                name="notification_choice_topic_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="choice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "how__in",
                        [
                            partnerhub.notifications.enums.How["NOW"],
                            partnerhub.notifications.enums.How["DIGEST"],
                            partnerhub.notifications.enums.How["IN_APP"],
                            partnerhub.notifications.enums.How["OFF"],
                        ],
                    )
                ),
                name="notification_choice_how_known",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("next_attempt_at__isnull", False)),
                fields=["next_attempt_at"],
                name="notification_delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["user", "-created_at", "-id"], name="notification_delivery_newest"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("channel", None),
                        ("delivered_at", None),
                        ("failed_at", None),
                        ("message__isnull", False),
                        ("next_attempt_at", None),
                    ),
                    models.Q(
                        ("channel__isnull", False),
                        ("message", None),
                        models.Q(
                            models.Q(("delivered_at", None), ("failed_at", None), ("next_attempt_at__isnull", False)),
                            models.Q(
                                ("lease_until", None),
                                ("next_attempt_at", None),
                                ("delivered_at__isnull", False),
                                ("failed_at", None),
                            ),
                            models.Q(
                                ("lease_until", None),
                                ("next_attempt_at", None),
                                ("delivered_at", None),
                                ("failed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="notification_delivery_mail_or_tried",
            ),
        ),
        migrations.AddIndex(
            model_name="sighting",
            index=models.Index(condition=models.Q(("over_at", None)), fields=["item"], name="sighting_open"),
        ),
        migrations.AddConstraint(
            model_name="sighting",
            constraint=models.UniqueConstraint(fields=("item", "since"), name="sighting_once"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["user", "-created_at", "-id"], name="notification_newest_first"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(condition=models.Q(("read_at", None)), fields=["user"], name="notification_unread"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False), ("told_at", None)),
                fields=["due_at"],
                name="notification_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(fields=("user", "key"), name="notification_once"),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "topic__in",
                        [
                            partnerhub.notifications.enums.Topic["MENTIONED"],
                            partnerhub.notifications.enums.Topic["ASSIGNED"],
                            partnerhub.notifications.enums.Topic["WAITING"],
                            partnerhub.notifications.enums.Topic["PUBLISHER_ASKS"],
                            partnerhub.notifications.enums.Topic["PUBLISHER_REFUSED"],
                            partnerhub.notifications.enums.Topic["LINK_EXPIRED"],
                            partnerhub.notifications.enums.Topic["ACTIVATION_DEADLINE"],
                            partnerhub.notifications.enums.Topic["WINDOW_CLOSING"],
                            partnerhub.notifications.enums.Topic["CHANGE_ASKED"],
                            partnerhub.notifications.enums.Topic["CHANGE_WAITING"],
                            partnerhub.notifications.enums.Topic["CHANGE_FAILED"],
                            partnerhub.notifications.enums.Topic["DRIFT"],
                            partnerhub.notifications.enums.Topic["RENEWAL_UNANNOUNCED"],
                            partnerhub.notifications.enums.Topic["PAYMENT_SUSPENDED"],
                            partnerhub.notifications.enums.Topic["PUBLISHER_DOWN"],
                            partnerhub.notifications.enums.Topic["SECRET_EXPIRING"],
                        ],
                    )
                ),
                name="notification_topic_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.CheckConstraint(
                condition=models.Q(("told_at", None), ("due_at__isnull", False), _connector="OR"),
                name="notification_told_if_due",
            ),
        ),
    ]
