from django.urls import include, path, re_path

from customers.urls import agent_pages, client_pages, reseller_pages
from partnerhub.api.views import nothing_there
from partnerhub.health import live, ready, web
from partnerhub.hooks.urls import hook_pages
from partnerhub.metrics.collector import metrics
from partnerhub.v1 import developers, fulfillment_developers
from subscriptions.fulfillment_api.openapi import show as fulfillment_document
from subscriptions.urls import (
    activity_pages,
    attention_pages,
    customer_pages,
    insight_pages,
    letter_pages,
    pages_of_customers,
    publisher_links,
    publisher_pages,
    request_pages,
)
from subscriptions.views.home import home
from subscriptions.views.home import live as home_live

urlpatterns = [
    # Looked at one after the other: programs call more often than people click.
    path("v1/", include("partnerhub.v1")),
    path("", home, name="home"),
    path("home/live/", home_live, name="home-live"),
    path("", include("accounts.token_urls")),
    path("", include("billing.urls")),
    path("accounts/", include("accounts.urls")),
    path("accounts/", include("accounts.sign_in_urls")),
    path("activity/", include((activity_pages, "activity"))),
    path("attention/", include((attention_pages, "attention"))),
    path("agents/", include((agent_pages, "agents"))),
    path("api/saas/", include("subscriptions.fulfillment_api.urls")),
    path("c/", include(pages_of_customers)),
    path("clients/", include(client_pages)),
    path("customers/", include((customer_pages, "customers"))),
    path("developers/", developers, name="developers"),
    path("developers/fulfillment/", fulfillment_developers, name="fulfillment-developers"),
    path("developers/fulfillment.json", fulfillment_document, name="fulfillment-openapi"),
    path("developers/hooks/", include(hook_pages)),
    path("go/", include(publisher_links)),
    path("health/live", live),
    path("health/ready", ready),
    path("health/web", web),
    path("i18n/", include("django.conf.urls.i18n")),
    path("insight/", include((insight_pages, "insight"))),
    path("jobs/", include("partnerhub.jobs.urls")),
    path("letters/", include(letter_pages)),
    path("metrics", metrics),
    path("notifications/", include("partnerhub.notifications.urls")),
    path("publishers/", include(publisher_pages)),
    path("requests/", include((request_pages, "requests"))),
    path("resellers/", include((reseller_pages, "resellers"))),
    path("subscriptions/", include("subscriptions.urls")),
    path("system/", include("partnerhub.system.urls")),
    path("webhooks/v1/", include("partnerhub.hooks.urls")),
    # Addresses of programs that are not served yet: a program parses every answer.
    re_path(r"^(?:v1|api|webhooks/v1)(?:/|$)", nothing_there),
]

handler400 = "partnerhub.api.views.unreadable"
handler500 = "partnerhub.api.views.failed"
