from django.urls import path

from partnerhub.notifications import views

app_name = "notifications"
urlpatterns = [
    path("", views.notifications, name="list"),
    path("bell/", views.bell, name="bell"),
    path("read/", views.read_all, name="read_all"),
    path("settings/", views.settings, name="settings"),
    path("channels/", views.add, name="add_channel"),
    path("channels/<uuid:channel_id>/test/", views.test, name="test_channel"),
    path("channels/<uuid:channel_id>/remove/", views.remove, name="remove_channel"),
    path("<uuid:notification_id>/", views.look, name="look"),
    path("<uuid:notification_id>/read/", views.read, name="read"),
]
