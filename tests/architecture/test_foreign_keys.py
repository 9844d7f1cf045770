"""Foreign keys follow the arrows of the house: string references are invisible to the import linter."""

from django.apps import apps

LEVEL = {
    "outbox": 0,
    "api": 1,
    "mail": 1,
    "web": 1,
    "accounts": 2,
    "jobs": 2,
    "customers": 3,
    "publishers": 3,
    "subscriptions": 4,
    "billing": 5,
    "notifications": 5,
}


def test_foreign_keys_point_down():
    upward = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in apps.get_models()
        if model._meta.app_label in LEVEL
        for field in model._meta.get_fields()
        if field.concrete
        and field.is_relation
        and field.related_model._meta.app_label in LEVEL
        and model._meta.app_label != field.related_model._meta.app_label
        and LEVEL[field.related_model._meta.app_label] >= LEVEL[model._meta.app_label]
    ]
    assert upward == []
