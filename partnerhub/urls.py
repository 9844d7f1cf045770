from django.urls import include, path

urlpatterns = [
    path("", include("accounts.token_urls")),
    path("api/saas/", include("subscriptions.fulfillment_api.urls")),
]
