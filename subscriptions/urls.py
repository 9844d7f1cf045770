"""Addresses of the pages. Customers' pages show their subscriptions, so they are made here."""

from django.urls import path

from subscriptions.views import buying, command, confirmation, customers, detail, edits, links, listing

app_name = "subscriptions"
urlpatterns = [
    path("", listing.subscriptions, name="list"),
    path("command/", command.command, name="command"),
    path("<uuid:subscription_id>/", detail.detail, name="detail"),
    path("<uuid:subscription_id>/live/", detail.live, name="live"),
    path("<uuid:subscription_id>/ask/", detail.ask, name="ask"),
    path("<uuid:subscription_id>/nickname/", edits.rename, name="rename"),
    path("<uuid:subscription_id>/auto-renew/", edits.auto_renew, name="auto_renew"),
    path("<uuid:subscription_id>/cancel/", edits.cancel, name="cancel"),
]

customer_pages = [
    path("", customers.customers, name="list"),
    path("<uuid:customer_id>/", customers.marketplace, name="marketplace"),
    path("<uuid:customer_id>/orders/", customers.orders, name="orders"),
    path("<uuid:customer_id>/activity/", customers.activity, name="activity"),
    path("<uuid:customer_id>/account/", customers.account, name="account"),
    path("<uuid:customer_id>/buy/", buying.catalogue, name="buy"),
    path("<uuid:customer_id>/buy/<str:catalog_item_id>/", buying.configure, name="configure"),
    path("<uuid:customer_id>/cart/<uuid:cart_id>/", buying.review, name="review"),
    path("<uuid:customer_id>/cart/<uuid:cart_id>/lines/", buying.change_cart, name="change_cart"),
    path("<uuid:customer_id>/orders/<uuid:order_id>/confirmation/", confirmation.confirmation, name="confirmation"),
]

publisher_links = [
    path("<uuid:subscription_id>", links.go, name="go"),
    path("<uuid:subscription_id>/copy", links.go_copy, name="go_copy"),
]
