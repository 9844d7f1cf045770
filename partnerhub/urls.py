from django.urls import include, path

from partnerhub.health import live, ready
from partnerhub.metrics import metrics
from partnerhub.v1 import developers

urlpatterns = [
    path("", include("accounts.token_urls")),
    path("api/saas/", include("subscriptions.fulfillment_api.urls")),
    path("developers/", developers, name="developers"),
    path("health/live", live),
    path("health/ready", ready),
    path("metrics", metrics),
    path("v1/", include("partnerhub.v1")),
]
