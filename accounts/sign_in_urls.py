"""Addresses of signing in, under the names by which django-allauth finds them."""

from django.urls import path

from accounts import confirming, passwords, security, views

urlpatterns = [
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-in/code/", views.SecondFactor.as_view(), name="mfa_authenticate"),
    path("sign-in/passkey/", views.sign_in_with_passkey, name="mfa_login_webauthn"),
    path("sso/<slug:provider_id>/", views.sign_in_with_directory, name="openid_connect_login"),
    path("sso/<slug:provider_id>/callback/", views.back_from_directory, name="openid_connect_callback"),
    path("confirm/", confirming.confirm, name="account_reauthenticate"),
    path("password/", passwords.change, name="account_change_password"),
    path("password/forgotten/", passwords.forgotten, name="account_reset_password"),
    path("password/forgotten/sent/", passwords.link_sent, name="account_reset_password_done"),
    path("password/new/<uidb64>/<token>/", passwords.Reset.as_view(), name="account_reset_password_from_key"),
    path("security/", security.security, name="mfa_index"),
    path("security/app/", security.add_app, name="mfa_activate_totp"),
    path("security/passkeys/", security.add_passkey, name="mfa_add_webauthn"),
    path("security/recovery-codes/", security.recovery_codes, name="mfa_view_recovery_codes"),
    path("security/<int:factor_id>/remove/", security.remove_factor, name="second_factor_remove"),
]
