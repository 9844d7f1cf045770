"""Addresses of the forms of customers (their other pages are in subscriptions.urls) and of the resellers' pages."""

from django.urls import path, re_path

from customers.views import customers, importing, resellers

customer_forms = [
    path("new/", customers.new, name="new"),
    path("import/", importing.customers, name="import"),
    re_path(r"^import/(?P<content>template|current)\.csv\Z", importing.customers_file, name="import_file"),
    path("<uuid:customer_id>/edit/", customers.edit, name="edit"),
    path("<uuid:customer_id>/relationship/", customers.relationship, name="relationship"),
]

reseller_pages = [
    path("", resellers.resellers, name="list"),
    path("new/", resellers.new, name="new"),
    path("import/", importing.resellers, name="import"),
    re_path(r"^import/(?P<content>template|current)\.csv\Z", importing.resellers_file, name="import_file"),
    path("<str:partner_id>/", resellers.reseller, name="detail"),
    path("<str:partner_id>/edit/", resellers.edit, name="edit"),
    path("<str:partner_id>/suspension/", resellers.suspension, name="suspension"),
]
