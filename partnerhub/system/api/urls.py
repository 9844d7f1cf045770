from django.urls import path

from partnerhub.system.api import views

urlpatterns = [
    path("system/events", views.StuckEvents.as_view()),
    path("system/events/<str:delivery_id>/retry", views.StuckEventRetry.as_view()),
    path("system/mails", views.UnsentMails.as_view()),
    path("system/mails/<str:mail_id>/retry", views.UnsentMailRetry.as_view()),
    path("system/webhooks", views.TroubledHooks.as_view()),
    path("system/webhooks/<str:delivery_id>/retry", views.HookRetry.as_view()),
]
