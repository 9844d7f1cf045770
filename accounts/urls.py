from django.urls import path

from accounts import invitation_views, personal_tokens, saved_views, session_views, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.sign_in, name="login"),
    path("sign-out/", views.SignOut.as_view(), name="logout"),
    path("switch-role/", views.switch_role, name="switch_role"),
    path("invitation/<str:token>/", invitation_views.invitation, name="invitation"),
    path("sessions/", session_views.sessions, name="sessions"),
    path("sessions/end-others/", session_views.end_others, name="end_other_sessions"),
    path("sessions/<uuid:public_id>/end/", session_views.end, name="end_session"),
    path("tokens/", personal_tokens.tokens, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", personal_tokens.revoke, name="revoke_token"),
    path("views/", saved_views.add, name="add_view"),
    path("views/default/", saved_views.default, name="default_view"),
    path("views/<uuid:view_id>/", saved_views.change, name="change_view"),
    path("views/<uuid:view_id>/delete/", saved_views.delete, name="delete_view"),
]
