from django.urls import path

from partnerhub.system import views

urlpatterns = [
    path("", views.system, name="system"),
    path("live/", views.live, name="system-live"),
    path("deliveries/<int:delivery_id>/", views.try_delivery, name="system-delivery"),
    path("mails/<uuid:message_id>/", views.try_mail, name="system-mail"),
]
