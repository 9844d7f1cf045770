from django.urls import path, re_path

from subscriptions.fulfillment_api import views

# Publishers' programs read ids out of these paths by position: no prefix, no trailing slash, except for the list,
# which is called both ways and never redirected (fulfillment-v2.md sections 0 and 3).
urlpatterns = [
    path("subscriptions", views.collection),
    path("subscriptions/", views.collection),
    path("subscriptions/resolve", views.resolve),
    path("subscriptions/<str:subscription>", views.subscription),
    path("subscriptions/<str:subscription>/activate", views.activate),
    path("subscriptions/<str:subscription>/listAvailablePlans", views.plans),
    path("subscriptions/<str:subscription>/operations", views.operations),
    path("subscriptions/<str:subscription>/operations/<str:operation>", views.operation),
    re_path(r"", views.nothing),
]
