from django.urls import path

from billing import views

app_name = "billing"
urlpatterns = [path("subscriptions/<uuid:subscription_id>/charges/", views.charges, name="charges")]
