"""Addresses of the forms of customers (their other pages are in subscriptions.urls) and of the resellers' pages."""

from django.urls import path

from customers.views import customers, resellers

customer_forms = [
    path("new/", customers.new, name="new"),
    path("<uuid:customer_id>/edit/", customers.edit, name="edit"),
    path("<uuid:customer_id>/relationship/", customers.relationship, name="relationship"),
]

reseller_pages = [
    path("", resellers.resellers, name="list"),
    path("new/", resellers.new, name="new"),
    path("<str:partner_id>/", resellers.reseller, name="detail"),
    path("<str:partner_id>/edit/", resellers.edit, name="edit"),
    path("<str:partner_id>/suspension/", resellers.suspension, name="suspension"),
]
