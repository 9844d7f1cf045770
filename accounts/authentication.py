"""Who calls the REST API: a program that shows a bearer token of ours."""

from typing import Any

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.policy import Actor
from accounts.tokens import TokenRefused, api_audiences, verify
from partnerhub.clock import now


class BearerAuthentication(BaseAuthentication):
    """`request.user` is the client's actor and `request.auth` the token's claims."""

    def authenticate(self, request: Request) -> tuple[Actor, dict[str, Any]] | None:
        """None without a bearer token, so that the view decides. Raises AuthenticationFailed (401) for a bad one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            verified = verify(token.strip(), audiences=api_audiences(), at=now())
        except TokenRefused as refused:
            raise AuthenticationFailed(str(refused), code=f"token_{refused.mismatch}") from None
        return verified.client.actor(), verified.claims

    def authenticate_header(self, request: Request) -> str:
        """Where a caller without credentials gets them."""
        return f'Bearer authorization_uri="{settings.HUB_BASE_URL}/{settings.HUB_TENANT_ID}/oauth2/token"'
