from django.urls import path

from accounts import personal_tokens, saved_views, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="login"),
    path("sign-out/", views.SignOut.as_view(), name="logout"),
    path("switch-role/", views.switch_role, name="switch_role"),
    path("tokens/", personal_tokens.tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", personal_tokens.revoke, name="revoke_token"),
    path("views/", saved_views.add, name="add_view"),
    path("views/default/", saved_views.default, name="default_view"),
    path("views/<uuid:view_id>/", saved_views.change, name="change_view"),
    path("views/<uuid:view_id>/delete/", saved_views.delete, name="delete_view"),
]
