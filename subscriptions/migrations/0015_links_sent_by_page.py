"""A link that has run out needs nobody while a page sent to the customer makes fresh ones; changes are found by time."""

from importlib import import_module

from django.db import migrations, models

_past = import_module("subscriptions.migrations.0010_attention")
_SINCE = "link.expires_at, s.activate_by"
_SINCE_LAST_PAGE = """
       greatest(link.expires_at, (SELECT max(page.expires_at) FROM subscriptions_customerpage page
                                   WHERE page.subscription_id = s.id AND page.revoked_at IS NULL)), s.activate_by"""
_BEFORE = "CREATE OR REPLACE VIEW subscriptions_attention AS" + "UNION ALL".join(_past._CAUSES)
_AFTER = _BEFORE.replace(_SINCE, _SINCE_LAST_PAGE)


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0014_lists_by_index")]

    operations = [
        migrations.RunSQL(_AFTER, _BEFORE),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(fields=["created_at"], name="operation_by_time"),
        ),
    ]
