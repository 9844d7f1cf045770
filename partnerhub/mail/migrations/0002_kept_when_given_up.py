from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("mail", "0001_messages")]

    operations = [
        migrations.RemoveConstraint(model_name="message", name="message_kept_until_sent_or_failed"),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=Q(
                    Q(
                        ("failed_at", None),
                        ("next_attempt_at__isnull", False),
                        ("sent_at", None),
                        Q(("body", b""), _negated=True),
                    ),
                    Q(
                        ("lease_until", None),
                        ("next_attempt_at", None),
                        ("body", b""),
                        ("failed_at", None),
                        ("sent_at__isnull", False),
                    ),
                    Q(
                        ("lease_until", None),
                        ("next_attempt_at", None),
                        ("failed_at__isnull", False),
                        ("sent_at", None),
                    ),
                    _connector="OR",
                ),
                name="message_kept_until_sent_or_failed",
            ),
        ),
    ]
