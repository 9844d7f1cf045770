"""Who calls the REST API: a program that shows a token of the token endpoint, or somebody's personal token."""

from datetime import datetime
from typing import Any

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.policy import Actor
from accounts.services.clients import note_use
from accounts.services.personal_tokens import PREFIX, bearer_of
from accounts.tokens import TokenRefused, api_audiences, verify
from partnerhub.clock import now


class BearerAuthentication(BaseAuthentication):
    """`request.user` is the actor, a client or a person, and `request.auth` a client's token's claims."""

    def authenticate(self, request: Request) -> tuple[Actor, dict[str, Any]] | None:
        """None without a bearer token, so that the view decides. Raises AuthenticationFailed (401) for a bad one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token, at = token.strip(), now()
        if token.startswith(PREFIX):
            return _person(token, at), {}
        try:
            verified = verify(token, audiences=api_audiences(), at=at)
        except TokenRefused as refused:
            raise AuthenticationFailed(str(refused), code=f"token_{refused.mismatch}") from None
        note_use(verified.client, at)
        return verified.client.actor(), verified.claims

    def authenticate_header(self, request: Request) -> str:
        """Where a caller without credentials gets them."""
        return f'Bearer authorization_uri="{settings.HUB_BASE_URL}/{settings.HUB_TENANT_ID}/oauth2/token"'


def _person(token: str, at: datetime) -> Actor:
    actor = bearer_of(token, at)
    if actor is None:
        raise AuthenticationFailed("The personal token is unknown, over or revoked.", code="personal_token_refused")
    return actor
