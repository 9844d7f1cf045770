from django.urls import path

from accounts import token_views as views

urlpatterns = [
    path("<str:tenant>/oauth2/token", views.token_v1),
    path("<str:tenant>/oauth2/v2.0/token", views.token_v2),
    path("<str:tenant>/.well-known/openid-configuration", views.configuration_v1),
    path("<str:tenant>/v2.0/.well-known/openid-configuration", views.configuration_v2),
    path("<str:tenant>/discovery/keys", views.keys),
    path("<str:tenant>/discovery/v2.0/keys", views.keys),
    path("<str:tenant>/discovery/instance", views.instance),
]
