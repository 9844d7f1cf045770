from django.urls import path, re_path

from partnerhub.api.views import unknown_path
from partnerhub.hooks import api, views

REGISTRATION = "registration"

urlpatterns = [
    path(f"{REGISTRATION}/events", api.RegistrationEvents.as_view()),
    path(REGISTRATION, api.OwnRegistration.as_view()),
    path(f"{REGISTRATION}/validationEvents", api.Validations.as_view()),
    path(f"{REGISTRATION}/validationEvents/<str:correlation_id>", api.ValidationById.as_view()),
    path("certificates/<str:kid>.cer", api.certificate),
    re_path(r"^(?P<path>(?s:.*))\Z", unknown_path),
]

hook_pages = [
    path("", views.hooks, name="hooks"),
    path("<uuid:delivery_id>/", views.delivery, name="hook"),
    path("<uuid:delivery_id>/again/", views.again, name="hook-again"),
]
