"""The token endpoint and its discovery documents, as programs written for Entra ID expect them."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import unquote_plus, urlsplit
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from accounts.guesses import address_of, note_failure, seconds_to_wait
from accounts.keys import jwks
from accounts.models import Client
from accounts.services.clients import matching_secret, note_sign_in
from accounts.tokens import TOKEN_LIFE, Issued, Version, audiences_of, issue, issuer
from partnerhub.clock import now

log = structlog.get_logger(__name__)

SHARED_TENANTS = ("common", "organizations")
_SIGN_IN_SCOPES = {"openid", "profile", "offline_access"}
AWAY_SECONDS = 10
_DOCUMENTS_LIVE_SECONDS = 300


class OAuthError(Exception):
    """A refusal in Entra's shape: the OAuth error word, the AADSTS number, and a sentence that betrays no secret."""

    status: ClassVar[int] = 400

    def __init__(self, error: str, number: int, sentence: str) -> None:
        super().__init__(sentence)
        self.error, self.number, self.sentence = error, number, sentence


class InvalidClient(OAuthError):
    """One answer for a wrong secret, an expired one, an unknown or inactive client and another tenant's client."""

    status = 401

    def __init__(self) -> None:
        super().__init__("invalid_client", 7000215, "Invalid client credentials for this tenant.")


class TooManyTries(OAuthError):
    """Too many wrong secrets of this client or from this address; `seconds` until the next may be tried."""

    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__("temporarily_unavailable", 90055, f"Too many failed requests. Try again in {seconds} seconds.")
        self.seconds = seconds


class Away(OAuthError):
    """The database cannot be reached: who asks again later is answered."""

    status = 503

    def __init__(self) -> None:
        super().__init__("temporarily_unavailable", 90006, "The service is temporarily unavailable. Try again later.")


@dataclass(frozen=True, slots=True)
class Credentials:
    client_id: str
    client_secret: str


@csrf_exempt
def token_v1(request: HttpRequest, tenant: str) -> HttpResponse:
    """Client credentials with `resource`; numbers come as strings."""
    return _token(request, tenant, Version.V1)


@csrf_exempt
def token_v2(request: HttpRequest, tenant: str) -> HttpResponse:
    """Client credentials with `scope=<resource>/.default`; numbers come as numbers."""
    return _token(request, tenant, Version.V2)


@csrf_exempt
@require_safe
def configuration_v1(request: HttpRequest, tenant: str) -> HttpResponse:
    """The OpenID configuration of the version 1.0 endpoints."""
    return _document(request, tenant, lambda name: _configuration(name, Version.V1))


@csrf_exempt
@require_safe
def configuration_v2(request: HttpRequest, tenant: str) -> HttpResponse:
    """The OpenID configuration of the version 2.0 endpoints."""
    return _document(request, tenant, lambda name: _configuration(name, Version.V2))


@csrf_exempt
@require_safe
def keys(request: HttpRequest, tenant: str) -> HttpResponse:
    """The signing keys; one set for all tenants."""
    return _document(request, tenant, lambda _name: jwks(now()))


@csrf_exempt
@require_safe
def instance(request: HttpRequest, tenant: str) -> HttpResponse:
    """MSAL's instance discovery: this host is an authority of its own, with no alias."""
    return _document(request, tenant, _instance)


def _token(request: HttpRequest, tenant: str, version: Version) -> HttpResponse:
    at = now()
    seconds = 0
    try:
        body, status = _answer(_issue(request, tenant, version, at), version), 200
    except OAuthError as error:
        body, status = _error_body(request, error, at), error.status
        seconds = error.seconds if isinstance(error, TooManyTries) else 0
    except (OperationalError, InterfaceError):
        log.exception("database_away")
        body, status, seconds = _error_body(request, Away(), at), Away.status, AWAY_SECONDS
    response = JsonResponse(body, status=status)
    if seconds:
        response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    if status == InvalidClient.status and "authorization" in request.headers:
        response["WWW-Authenticate"] = f'Basic realm="{settings.HUB_BASE_URL}"'
    return response


def _issue(request: HttpRequest, tenant: str, version: Version, at: datetime) -> Issued:
    if request.method != "POST":
        raise OAuthError("invalid_request", 900561, f"The endpoint only accepts POST requests, not {request.method}.")
    _read_form(request)
    grant_type = _required(request, "grant_type")
    if grant_type != "client_credentials":
        raise OAuthError("unsupported_grant_type", 70003, f"The grant type {grant_type[:50]!r} is not supported.")
    client = _not_guessed(request, _credentials(request), _tenant_id(tenant), at)
    return issue(client, audience=_audience(request, client, version), version=version, at=at)


def _read_form(request: HttpRequest) -> None:
    try:
        _ = request.POST
    except (BadRequest, SuspiciousOperation, MultiPartParserError):
        raise OAuthError("invalid_request", 900143, "The request body cannot be read as a form.") from None


def _required(request: HttpRequest, name: str) -> str:
    value = request.POST.get(name, "")
    if not value:
        raise OAuthError("invalid_request", 900144, f"The request body must contain the following parameter: {name!r}.")
    return value


def _tenant_id(tenant: str) -> UUID:
    try:
        return UUID(tenant)
    except ValueError:
        raise OAuthError("invalid_request", 900023, f"{tenant[:50]!r} is not a tenant's id.") from None


def _credentials(request: HttpRequest) -> Credentials:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return Credentials(_required(request, "client_id"), _required(request, "client_secret"))
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidClient from None
    return Credentials(_form_decoded(name), _form_decoded(secret))


def _form_decoded(value: str) -> str:
    # RFC 6749 encodes both halves, many programs do not: a plus sign of theirs must survive.
    return unquote_plus(value) if "%" in value else value


def _not_guessed(request: HttpRequest, credentials: Credentials, tenant_id: UUID, at: datetime) -> Client:
    """The client whose secret this is. Raises InvalidClient, and TooManyTries after some of those."""
    address = address_of(request)
    if seconds := seconds_to_wait(address, credentials.client_id):
        raise TooManyTries(seconds)
    try:
        return _authenticated(credentials, tenant_id, at)
    except InvalidClient:
        note_failure(address, credentials.client_id)
        raise


def _authenticated(credentials: Credentials, tenant_id: UUID, at: datetime) -> Client:
    try:
        client = Client.objects.get(id=UUID(credentials.client_id), tenant_id=tenant_id, is_active=True)
    except (ValueError, Client.DoesNotExist):
        raise InvalidClient from None
    secret = matching_secret(client, credentials.client_secret, at)
    if secret is None:
        raise InvalidClient
    note_sign_in(secret, at)
    return client


def _audience(request: HttpRequest, client: Client, version: Version) -> str:
    """The resource asked for, as tokens name it; the client's first one when none is named."""
    allowed = audiences_of(client)
    asked = _resource_of_scope(request) if version == Version.V2 else request.POST.get("resource", "")
    audience = asked.rstrip("/") or allowed[0]
    if audience in allowed:
        return audience
    if version == Version.V2:
        raise OAuthError("invalid_scope", 70011, f"The scope {asked[:100]!r} is not valid for this client.")
    raise OAuthError("invalid_resource", 500011, f"The resource {asked[:100]!r} was not found for this client.")


def _resource_of_scope(request: HttpRequest) -> str:
    asked = [scope for scope in request.POST.get("scope", "").split() if scope not in _SIGN_IN_SCOPES]
    if len(asked) > 1 or any(not scope.endswith("/.default") for scope in asked):
        raise OAuthError("invalid_scope", 1002012, "The scope must be one resource followed by '/.default'.")
    return asked[0].removesuffix("/.default") if asked else ""


def _answer(issued: Issued, version: Version) -> dict[str, str | int]:
    life = int(TOKEN_LIFE.total_seconds())
    answer: dict[str, str | int] = {"token_type": "Bearer", "access_token": issued.access_token}
    if version == Version.V2:
        return answer | {"expires_in": life, "ext_expires_in": life}
    return answer | {
        "expires_in": str(life),
        "ext_expires_in": str(life),
        "expires_on": str(int(issued.expires_at.timestamp())),
        "not_before": str(int(issued.not_before.timestamp())),
        "resource": issued.audience,
    }


def _error_body(request: HttpRequest, error: OAuthError, at: datetime) -> dict[str, Any]:
    return {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.sentence}",
        "error_codes": [error.number],
        "timestamp": f"{at:%Y-%m-%d %H:%M:%SZ}",
        "trace_id": request.META.get("HTTP_X_REQUEST_ID", ""),
        "correlation_id": request.META.get("HTTP_X_CORRELATION_ID", ""),
    }


def _document(request: HttpRequest, tenant: str, describe: Callable[[str], dict[str, Any]]) -> HttpResponse:
    try:
        name = tenant if tenant in SHARED_TENANTS else str(_tenant_id(tenant))
    except OAuthError as error:
        return JsonResponse(_error_body(request, error, now()), status=error.status)
    response = JsonResponse(describe(name))
    response["Cache-Control"] = f"public, max-age={_DOCUMENTS_LIVE_SECONDS}"
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _configuration(tenant: str, version: Version) -> dict[str, Any]:
    base, infix = f"{settings.HUB_BASE_URL}/{tenant}", "/v2.0" if version == Version.V2 else ""
    return {
        # As in Entra ID, the issuer of a shared tenant is a pattern to fill in.
        "issuer": issuer("{tenantid}" if tenant in SHARED_TENANTS else tenant, version),
        "token_endpoint": f"{base}/oauth2{infix}/token",
        # Readers of this document insist on it, though people do not sign in here.
        "authorization_endpoint": f"{base}/oauth2{infix}/authorize",
        "jwks_uri": f"{base}/discovery{infix}/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["aud", "iss", "tid", "appid", "azp", "exp", "nbf", "iat", "ver", "roles"],
    }


def _instance(tenant: str) -> dict[str, Any]:
    host = urlsplit(settings.HUB_BASE_URL).netloc
    endpoint = f"{settings.HUB_BASE_URL}/{tenant}/v2.0/.well-known/openid-configuration"
    metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
    return {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": metadata}
