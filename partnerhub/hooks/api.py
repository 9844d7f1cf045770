"""Webhook registrations of programs: `/webhooks/v1/registration…`."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, TypedDict

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import AGENT_ROLES
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked, storable
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Guid, Utc, guid, utc
from partnerhub.api.views import Resource, nothing_there
from partnerhub.clock import now
from partnerhub.errors import (
    AddressNotAllowed,
    HookRegisteredAlready,
    InvalidInput,
    NotFound,
    NotPermitted,
    OnlyPrograms,
)
from partnerhub.hooks import examples, services
from partnerhub.hooks.models import LONGEST_URL, Attempt, Delivery, Registration
from partnerhub.hooks.registry import names_for
from partnerhub.hooks.selectors import registration_of, validation_of
from partnerhub.hooks.signing import certificate_of

ROLES = tuple(role.value for role in AGENT_ROLES)
REFUSALS = (InvalidInput, AddressNotAllowed, NotPermitted, OnlyPrograms)
Handler = Callable[..., Response]


class RegistrationBody(serializers.Serializer[dict[str, Any]]):
    webhookUrl = serializers.CharField(max_length=LONGEST_URL)
    webhookEvents = serializers.ListField(child=serializers.CharField(max_length=64), max_length=100)
    signatureTokenToMsSignatureHeader = serializers.BooleanField(required=False, allow_null=True)


class RegistrationShown(TypedDict):
    """Where a program is told of what. `SignatureTokenToMsSignatureHeader` moves the signature to x-ms-signature."""

    SubscriberId: Guid
    WebhookUrl: str
    WebhookEvents: list[str]
    SignatureTokenToMsSignatureHeader: bool


class ValidationSent(TypedDict):
    correlationId: Guid


class ValidationAttempt(TypedDict):
    """One post. `responseCode` is the name of the HTTP status, empty where no answer came (`systemError`)."""

    responseCode: str
    responseMessage: str
    systemError: bool
    dateTimeUtc: Utc


class ValidationResult(TypedDict):
    """`status` is `pending`, `completed` once it was received, `failed` after ten attempts."""

    correlationId: Guid
    partnerId: str
    status: str
    callbackUrl: str
    results: list[ValidationAttempt]


def _read(request: Request) -> dict[str, Any]:
    """The values of a body, its address checked. Raises InvalidInput, AddressNotAllowed."""
    values = checked(RegistrationBody(data=body_of(request)))
    for text in (values["webhookUrl"], *values["webhookEvents"]):
        if not storable(text):
            raise InvalidInput(field="webhookUrl", problem="it holds half a character")
    return {
        "url": values["webhookUrl"],
        "events": values["webhookEvents"],
        "in_ms_header": values.get("signatureTokenToMsSignatureHeader"),
    }


def _address_checked(handler: Handler) -> Handler:
    """Look at the address before the write begins: a name server may be slow, and nobody waits in a transaction."""

    @wraps(handler)
    def look_first(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        services.check_webhook_url(_read(request)["url"])
        return handler(view, request, *args, **kwargs)

    return look_first


class RegistrationEvents(Resource):
    @operation(
        "listWebhookEvents",
        "The events to register for",
        list[str],
        about="Those of things that the client's role may read.",
        roles=ROLES,
        answer=examples.EVENTS,
    )
    def get(self, request: Request) -> Response:
        return Response(names_for(caller(request)))


class OwnRegistration(Resource):
    http_method_names = [*Resource.http_method_names, "delete"]

    @operation(
        "getWebhookRegistration",
        "Where this client is told of what",
        RegistrationShown,
        roles=ROLES,
        refusals=(NotFound, OnlyPrograms),
        answer=examples.REGISTRATION,
    )
    def get(self, request: Request) -> Response:
        return Response(_shown(registration_of(caller(request))))

    @operation(
        "createWebhookRegistration",
        "Be told of what happens",
        RegistrationShown,
        status=201,
        body=RegistrationBody,
        about=(
            "One for each API client. The address must be public and begin with https. Told is what happens from now "
            "on to what the client may read, by signed posts, each until it is answered 2xx, ten times at most. "
            "`MS-RequestId` of a post is the same at each attempt."
        ),
        roles=ROLES,
        refusals=(*REFUSALS, HookRegisteredAlready),
        example=examples.REQUEST,
        answer=examples.REGISTRATION,
    )
    @_address_checked
    @idempotent
    def post(self, request: Request) -> Response:
        values = _read(request)
        values["in_ms_header"] = bool(values["in_ms_header"])
        return Response(_shown(services.register(caller(request), **values, at=now())), 201)

    @operation(
        "replaceWebhookRegistration",
        "Change address or events",
        RegistrationShown,
        body=RegistrationBody,
        about="What waits to be delivered goes to the new address. `SubscriberId` stays.",
        roles=ROLES,
        refusals=(*REFUSALS, NotFound),
        example=examples.REQUEST,
        answer=examples.REGISTRATION,
    )
    @_address_checked
    @idempotent
    def put(self, request: Request) -> Response:
        return Response(_shown(services.change_registration(caller(request), **_read(request), at=now())))

    @operation(
        "removeWebhookRegistration",
        "Be told no more",
        None,
        status=204,
        about="What waits is not delivered any more.",
        roles=ROLES,
        refusals=(NotFound, OnlyPrograms),
    )
    @idempotent
    def delete(self, request: Request) -> Response:
        services.remove_registration(caller(request), at=now())
        return Response(status=204)


class Validations(Resource):
    @operation(
        "createValidationEvent",
        "Send a test event",
        ValidationSent,
        about="`test-created` is posted within seconds, whether registered for or not. Two a minute.",
        roles=ROLES,
        refusals=(NotFound, OnlyPrograms),
        answer=examples.SENT,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        try:
            sent = services.send_validation(caller(request), at=now())
        except services.ValidationsTooOften as refused:
            raise Throttled(wait=refused.seconds) from None
        return Response(ValidationSent(correlationId=str(sent.pk)))


class ValidationById(Resource):
    @operation(
        "getValidationEvent",
        "What came of a test event",
        ValidationResult,
        about="For seven days.",
        roles=ROLES,
        refusals=(NotFound, OnlyPrograms),
        answer=examples.RESULT,
    )
    def get(self, request: Request, correlation_id: str) -> Response:
        found = validation_of(caller(request), guid(correlation_id, "validation event"), now())
        return Response(_result(found))


def certificate(request: HttpRequest, kid: str) -> HttpResponse:
    """The certificate of a key that signs deliveries (DER), for anybody."""
    found = certificate_of(kid, now())
    if found is None:
        return nothing_there(request)
    return HttpResponse(found, content_type="application/pkix-cert")


def _shown(registration: Registration) -> RegistrationShown:
    return RegistrationShown(
        SubscriberId=str(registration.pk),
        WebhookUrl=registration.url,
        WebhookEvents=registration.events,
        SignatureTokenToMsSignatureHeader=registration.in_ms_header,
    )


def _result(found: Delivery) -> ValidationResult:
    return ValidationResult(
        correlationId=str(found.pk),
        partnerId=settings.HUB_PARTNER_ID,
        status="completed" if found.delivered_at else "failed" if found.parked_at else "pending",
        callbackUrl=found.registration.url,
        results=[_attempt(one) for one in found.tries.all()],
    )


def _attempt(one: Attempt) -> ValidationAttempt:
    return ValidationAttempt(
        responseCode=_status_name(one.http_status),
        responseMessage=one.detail,
        systemError=one.http_status is None,
        dateTimeUtc=utc(one.at),
    )


def _status_name(status: int | None) -> str:
    """As .NET spells it: `OK`, `NotFound`; the number where it has no name."""
    try:
        return HTTPStatus(status or 0).phrase.title().replace(" ", "").replace("-", "").replace("Ok", "OK")
    except ValueError:
        return str(status or "")
