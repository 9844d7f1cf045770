"""Addresses of the forms of publishers. Their other pages show what was bought, so they are in subscriptions.urls."""

from django.urls import path

from publishers.views import catalogue, secrets, settings, testing

publisher_forms = [
    path("new/", settings.new, name="publisher-new"),
    path("keys/", secrets.keys, name="publisher-keys"),
    path("<uuid:publisher_id>/settings/", settings.settings, name="publisher-settings"),
    path("<uuid:publisher_id>/edit/", settings.edit, name="publisher-edit"),
    path("<uuid:publisher_id>/catalogue/", catalogue.catalogue, name="publisher-catalogue"),
    path("<uuid:publisher_id>/catalogue.json", catalogue.download, name="publisher-document"),
    path("<uuid:publisher_id>/secrets/", secrets.make, name="publisher-secret"),
    path("<uuid:publisher_id>/secrets/<int:secret_id>/revoke/", secrets.revoke, name="publisher-revoke"),
    path("<uuid:publisher_id>/test/", testing.test, name="publisher-test"),
]
