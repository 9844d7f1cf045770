"""The words in which customers are sent their page, for each language of the hub."""

from typing import Any, TypedDict

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, authorize, who_can
from customers.api.bodies import AttributesBody
from partnerhub.api.etag import etag_of, version_seen
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import IF_MATCH, operation
from partnerhub.api.shapes import Attributes, Utc, utc_or_none
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NotFound, NotPermitted, PlaceholderUnknown, StaleVersion
from subscriptions.models import LetterTemplate
from subscriptions.page_letters import LONGEST_BODY, PLACEHOLDERS, template_in
from subscriptions.services.customer_pages import change_template, letter_id

ROLES = who_can(Action.LETTER_EDIT)


class TemplateBody(serializers.Serializer[Any]):
    """Both are text with placeholders; an empty line in `body` begins a paragraph."""

    subject = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=LONGEST_BODY)
    attributes = AttributesBody(required=False, allow_null=True)


class LetterShown(TypedDict):
    """`placeholders` are all that are filled in; `changedAt` is null while the words are the hub's own."""

    language: str
    subject: str
    body: str
    placeholders: list[str]
    changedBy: str
    changedAt: Utc | None
    attributes: Attributes


def letter_shown(template: LetterTemplate) -> LetterShown:
    language = template.pk
    return LetterShown(
        language=language,
        subject=template.subject,
        body=template.body,
        placeholders=[f"{{{name}}}" for name in PLACEHOLDERS],
        changedBy=template.changed_by,
        changedAt=utc_or_none(template.changed_at),
        attributes=Attributes(etag=etag_of(letter_id(language), template.version), objectType="Letter"),
    )


WORDS = {"subject": "{offer}: please finish the set-up", "body": "Hello {contact},\n\n{offer} waits for you."}
EXAMPLE = LetterShown(
    language="en",
    placeholders=[f"{{{name}}}" for name in PLACEHOLDERS],
    changedBy="ERP",
    changedAt="2026-12-07T09:00:00Z",
    attributes=Attributes(etag=etag_of(letter_id("en"), 1), objectType="Letter"),
    subject=WORDS["subject"],
    body=WORDS["body"],
)


class Letter(OwnResource):
    @operation(
        "getLetter",
        "The words in which customers are sent their page",
        LetterShown,
        about="Of one language of the hub, `en` or `pl`.",
        roles=ROLES,
        refusals=(NotPermitted, NotFound),
        answer=EXAMPLE,
    )
    def get(self, request: Request, language: str) -> Response:
        authorize(caller(request), Action.LETTER_EDIT)
        return Response(letter_shown(_template(language)))

    @operation(
        "changeLetter",
        "Write them",
        LetterShown,
        body=TemplateBody,
        headers=(IF_MATCH,),
        about="Letters begin with them from now on; what was sent stays as it was.",
        roles=ROLES,
        refusals=(NotPermitted, NotFound, InvalidInput, PlaceholderUnknown, StaleVersion),
        example=WORDS,
        answer=EXAMPLE,
    )
    @idempotent
    def put(self, request: Request, language: str) -> Response:
        actor, body = caller(request), body_of(request)
        authorize(actor, Action.LETTER_EDIT)
        current = _template(language)
        values = checked(TemplateBody(data=body))
        seen = version_seen(request, body, letter_id(language))
        version = current.version if seen is None else seen
        change_template(actor, language, subject=values["subject"], body=values["body"], seen=version, at=now())
        return Response(letter_shown(_template(language)))


def _template(language: str) -> LetterTemplate:
    """The words of a language of the hub. Raises NotFound."""
    if language not in dict(settings.LANGUAGES):
        raise NotFound(what="language", id=language[:64])
    return template_in(language)
