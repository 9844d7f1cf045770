import uuid

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("recipient", models.EmailField(max_length=254)),
                ("language", models.CharField(max_length=5)),
                ("subject", models.CharField(max_length=200)),
                ("reply_to", models.EmailField(blank=True, max_length=254)),
                ("body", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("last_error", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=Q(("next_attempt_at__isnull", False)), fields=["next_attempt_at"], name="message_due"
                    ),
                    models.Index(
                        condition=Q(("failed_at__isnull", False)), fields=["failed_at"], name="message_failed"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(
                            Q(
                                ("failed_at", None),
                                ("next_attempt_at__isnull", False),
                                ("sent_at", None),
                                Q(("body", b""), _negated=True),
                            ),
                            Q(
                                ("body", b""),
                                ("lease_until", None),
                                ("next_attempt_at", None),
                                ("failed_at", None),
                                ("sent_at__isnull", False),
                            ),
                            Q(
                                ("body", b""),
                                ("lease_until", None),
                                ("next_attempt_at", None),
                                ("failed_at__isnull", False),
                                ("sent_at", None),
                            ),
                            _connector="OR",
                        ),
                        name="message_kept_until_sent_or_failed",
                    )
                ],
            },
        ),
    ]
