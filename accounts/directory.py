"""The way to the organisation's directory and back: OpenID Connect by django-allauth, held to what the standard asks.

Imported only where somebody goes there: its client is a twentieth of the start-up, and most hubs have no directory.
The numbers are sections of OpenID Connect Core 1.0.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse


class Directory(OpenIDConnectProvider):
    """Sends a browser away with a nonce, which has to come back in the ID token, and with nothing that the browser's
    own address asks to be passed on.
    """

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        nonce = secrets.token_urlsafe(32)
        asked: dict[str, Any] = super().get_redirect_from_request_kwargs(request)
        return asked | {
            "scope": self.get_scope(),
            "auth_params": self.get_auth_params() | {"nonce": nonce},
            "nonce": nonce,
        }


class Door(OpenIDConnectOAuth2Adapter):
    """Takes in what the directory says of somebody, once it is the word of this directory to this hub."""

    def get_provider(self) -> Directory:
        if self.provider_id != settings.HUB_SSO_ID or not settings.HUB_SSO_ISSUER:
            raise Http404
        return Directory(self.request, app=super().get_provider().app)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **more: Any) -> SocialLogin:
        login = super().complete_login(request, app, token, **more)
        told = login.account.extra_data
        check_claims(told.get("id_token", {}), told.get("userinfo", {}), app.client_id)
        return login


def check_claims(claims: Mapping[str, Any], userinfo: Mapping[str, Any], client_id: str) -> None:
    """Raise OAuth2Error for an ID token that is not about who userinfo is about, or not from here to this client.

    Its audience and expiry are checked before; its signature need not be, for it comes from the token endpoint
    itself over TLS (3.1.3.7, item 6).
    """
    if str(claims.get("iss", "")).rstrip("/") != settings.HUB_SSO_ISSUER:
        raise OAuth2Error("The ID token is of another issuer than HUB_SSO_ISSUER.")
    if "exp" not in claims or claims.get("azp", client_id) != client_id:
        raise OAuth2Error("The ID token does not expire, or was issued to another client.")
    if not claims.get("sub") or userinfo.get("sub", claims["sub"]) != claims["sub"]:
        raise OAuth2Error("The ID token and userinfo are about different people.")


def go(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the browser to the directory."""
    answer: HttpResponse = OAuth2LoginView.adapter_view(Door(request, provider_id))(request)
    return answer


def back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Sign in whom the directory sent back."""
    answer: HttpResponse = OAuth2CallbackView.adapter_view(Door(request, provider_id))(request)
    return answer
