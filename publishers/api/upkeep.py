"""The upkeep of publishers by programs: connection, catalogue and policies as one document, secrets, and its test."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize_for_all, who_can
from partnerhub.api.etag import version_seen
from partnerhub.api.idempotency import idempotent, idempotent_outside
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import IF_MATCH, operation
from partnerhub.api.shapes import Attributes, Collection, collection, guid, utc
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import (
    AddressNotAllowed,
    ClientTaken,
    ConcernsEveryCustomer,
    InvalidInput,
    NotFound,
    NothingToTry,
    NotPermitted,
    OverlappingPrice,
    PublisherNameFixed,
    StaleVersion,
    TooManySecrets,
)
from publishers.api import health as health_shapes
from publishers.api import upkeep_examples as examples
from publishers.api import upkeep_shapes as shapes
from publishers.api.health import PublisherHealth
from publishers.api.upkeep_shapes import (
    MEMBERS,
    ConnectionBody,
    ConnectionTest,
    DocumentBody,
    PublisherChange,
    PublisherConnection,
    SecretMade,
    SecretShown,
)
from publishers.models import Publisher
from publishers.selectors import publisher_for
from publishers.services.register import (
    PLAIN_MEMBERS,
    change_connection,
    change_publisher,
    check_document,
    create_publisher,
)
from publishers.services.secrets import make_secret, revoke_secret
from publishers.services.selftest import try_out
from publishers.services.trying import try_now
from publishers.services.writing import document_of

READERS = who_can(Action.PUBLISHER_READ)
KEEPERS = who_can(Action.PUBLISHER_MANAGE)
READING = (NotPermitted, NotFound)
KEEPING = (*READING, ConcernsEveryCustomer)
REGISTERING = (*KEEPING, InvalidInput, AddressNotAllowed, ClientTaken, OverlappingPrice)
SECRETS_SHOWN = 10
Handler = Callable[..., Response]


def looked_up(handler: Handler) -> Handler:
    """Check what the view's `document` says before the write begins: a name server may be slow, and nobody waits in a
    transaction.
    """

    @wraps(handler)
    def look_first(view: Any, request: Request, **ids: str) -> Response:
        actor = caller(request)
        authorize_for_all(actor, Action.PUBLISHER_MANAGE)
        check_document(actor, view.document(request, **ids))
        return handler(view, request, **ids)

    return look_first


class PublisherById(OwnResource):
    told_once = ("clientSecret",)

    def document(self, request: Request, publisher_id: str) -> dict[str, Any]:
        """The whole connection with what is asked otherwise, as a document that sells nothing."""
        found = publisher_for(caller(request), guid(publisher_id, "publisher"))
        values = checked(ConnectionBody(data=body_of(request)))
        return {**_members(found, values), "name": found.name, "offers": []}

    @operation(
        "getPublisher",
        "How a publisher is reached",
        PublisherConnection,
        about="And as whom its programs sign in, all but the secret.",
        roles=READERS,
        refusals=READING,
        answer=examples.CONNECTION,
    )
    def get(self, request: Request, publisher_id: str) -> Response:
        return Response(shapes.connection(_publisher(request, publisher_id)))

    @operation(
        "changePublisher",
        "Change how it is reached, or as whom it signs in",
        PublisherChange,
        body=ConnectionBody,
        headers=(IF_MATCH,),
        about="What it sells and its policies stay: they are in its document.",
        roles=KEEPERS,
        refusals=(*REGISTERING, StaleVersion),
        example=examples.CONNECTION_CHANGE,
        answer=examples.CHANGED,
    )
    @looked_up
    @idempotent
    def patch(self, request: Request, publisher_id: str) -> Response:
        actor, body = caller(request), body_of(request)
        found = _publisher(request, publisher_id)
        members = _members(found, checked(ConnectionBody(data=body)))
        seen = version_seen(request, body, found.pk)
        return Response(shapes.change(change_connection(actor, found.pk, members, seen=seen, at=now())))


class PublisherDocument(OwnResource):
    told_once = ("clientSecret",)

    def document(self, request: Request, publisher_id: str) -> dict[str, Any]:
        return document_sent(request)

    @operation(
        "getPublisherDocument",
        "A publisher as one document",
        dict[str, Any],
        about="Connection, offers, plans, terms, prices and policies, without secrets: the beginning of a change.",
        roles=KEEPERS,
        refusals=KEEPING,
        answer=examples.DOCUMENT,
    )
    def get(self, request: Request, publisher_id: str) -> Response:
        authorize_for_all(caller(request), Action.PUBLISHER_MANAGE)
        return Response(document_of(_publisher(request, publisher_id)))

    @operation(
        "replacePublisherDocument",
        "Make a publisher what a document says",
        PublisherChange,
        body=DocumentBody,
        headers=(IF_MATCH,),
        about=(
            "Prices and policies change from now on; what the document leaves out is withdrawn from sale. The same "
            "document twice changes nothing."
        ),
        roles=KEEPERS,
        refusals=(*REGISTERING, StaleVersion, PublisherNameFixed),
        example=examples.DOCUMENT,
        answer=examples.CHANGED,
    )
    @looked_up
    @idempotent
    def put(self, request: Request, publisher_id: str) -> Response:
        return _applied(request, publisher_id)


class DocumentPreview(OwnResource):
    told_once = ("clientSecret",)

    def document(self, request: Request, publisher_id: str) -> dict[str, Any]:
        return document_sent(request)

    @operation(
        "previewPublisherDocument",
        "What a document would change",
        PublisherChange,
        body=DocumentBody,
        about="Nothing is changed.",
        roles=KEEPERS,
        refusals=(*REGISTERING, PublisherNameFixed),
        example=examples.DOCUMENT,
        answer=examples.CHANGED,
    )
    @looked_up
    @idempotent
    def post(self, request: Request, publisher_id: str) -> Response:
        return _applied(request, publisher_id, only_try=True)


class Secrets(OwnResource):
    told_once = ("clientSecret",)

    @operation(
        "listPublisherSecrets",
        "The secrets with which its programs sign in",
        Collection[SecretShown],
        about=f"The newest {SECRETS_SHOWN}, by their beginnings.",
        roles=READERS,
        refusals=READING,
        answer=examples.SECRETS,
    )
    def get(self, request: Request, publisher_id: str) -> Response:
        found, at = _publisher(request, publisher_id), now()
        newest = found.client.secrets.order_by("-created_at", "-pk")[:SECRETS_SHOWN]
        uri = f"/publishers/{found.pk}/secrets"
        return Response(collection((shapes.secret(one, at) for one in newest), uri))

    @operation(
        "makePublisherSecret",
        "Make another secret",
        SecretMade,
        status=201,
        about="Those there are stay valid, five at most.",
        roles=KEEPERS,
        refusals=(*KEEPING, TooManySecrets),
        answer=examples.SECRET_MADE,
    )
    @idempotent
    def post(self, request: Request, publisher_id: str) -> Response:
        actor, at = caller(request), now()
        authorize_for_all(actor, Action.PUBLISHER_MANAGE)
        found = _publisher(request, publisher_id)
        secret = make_secret(actor, found.pk, at=at)
        made = found.client.secrets.latest("pk")
        return Response(SecretMade(secret=shapes.secret(made, at), clientSecret=secret), 201)


class SecretRevocation(OwnResource):
    @operation(
        "revokePublisherSecret",
        "End a secret now",
        SecretShown,
        about="One that has ended stays as it is. Without any that is valid its programs cannot sign in.",
        roles=KEEPERS,
        refusals=KEEPING,
        answer=examples.REVOKED,
    )
    @idempotent
    def post(self, request: Request, publisher_id: str, secret_id: str) -> Response:
        actor, at = caller(request), now()
        authorize_for_all(actor, Action.PUBLISHER_MANAGE)
        if not (secret_id.isascii() and secret_id.isdigit() and len(secret_id) < 10):
            raise NotFound(what="secret", id=secret_id[:64])
        found = _publisher(request, publisher_id)
        return Response(shapes.secret(revoke_secret(actor, found.pk, int(secret_id), at=at), at))


class ConnectionTests(OwnResource):
    @operation(
        "testPublisherConnection",
        "Try everything it is reached by",
        ConnectionTest,
        about="Nothing of its subscriptions is touched. Takes as long as the slowest answer, 20 seconds at most.",
        roles=KEEPERS,
        refusals=KEEPING,
        answer=examples.TEST,
    )
    @idempotent_outside
    def post(self, request: Request, publisher_id: str) -> Response:
        actor, at = caller(request), now()
        authorize_for_all(actor, Action.PUBLISHER_MANAGE)
        steps = [shapes.step(one) for one in try_out(actor, guid(publisher_id, "publisher"), at=at)]
        about = Attributes(objectType="ConnectionTest")
        return Response(ConnectionTest(publisherId=publisher_id, testedAt=utc(at), steps=steps, attributes=about))


class Trying(OwnResource):
    @operation(
        "tryPublisher",
        "Let one question through before the pause is over",
        PublisherHealth,
        status=202,
        about="Its answer closes the circuit, its failure opens it for longer.",
        roles=who_can(Action.PUBLISHER_TRY),
        refusals=(*READING, NothingToTry),
        answer=examples.TRIED,
    )
    @idempotent
    def post(self, request: Request, publisher_id: str) -> Response:
        found = try_now(caller(request), guid(publisher_id, "publisher"), at=now())
        return Response(health_shapes.health(found), 202)


def registered(request: Request) -> Response:
    """Take on the publisher of a document."""
    return Response(shapes.change(create_publisher(caller(request), document_sent(request), at=now())), 201)


def _publisher(request: Request, publisher_id: str) -> Publisher:
    return publisher_for(caller(request), guid(publisher_id, "publisher"))


def document_sent(request: Request) -> dict[str, Any]:
    """The body as it was sent: its names are those of a document. Raises InvalidInput for what is no object."""
    body_of(request)
    return dict(request.data)


def _applied(request: Request, publisher_id: str, *, only_try: bool = False) -> Response:
    actor, pk = caller(request), _publisher(request, publisher_id).pk
    seen = None if only_try else version_seen(request, {}, pk)
    done = change_publisher(actor, pk, document_sent(request), seen=seen, only_try=only_try, at=now())
    told = shapes.change(done)
    return Response({**told, "clientSecret": None} if only_try else told)


def _members(found: Publisher, values: dict[str, Any]) -> dict[str, Any]:
    """The connection of a publisher with what is asked otherwise, by the names of a document."""
    given = {MEMBERS[name]: value for name, value in values.items() if value is not None and name in MEMBERS}
    whole = {name: getattr(found, name) for name in PLAIN_MEMBERS} | given
    kept = {name: value for name, value in whole.items() if value not in ("", None, 0)}
    return {name: str(value) if isinstance(value, UUID) else value for name, value in kept.items()}
