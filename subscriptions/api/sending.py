"""Send to customer by program: the letter before it is sent, the pages that were sent, and what was answered there."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import uuid4

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from accounts.policy import Action, Actor, authorize, who_can
from partnerhub.api.idempotency import idempotent
from partnerhub.api.reading import body_of, checked
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Attributes, Collection, Guid, Utc, collection, guid, utc, utc_or_none
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from partnerhub.errors import InvalidInput, NotFound, NothingToRemind, NotPermitted, PlaceholderUnknown, SentTooOften
from subscriptions.api import examples, grants
from subscriptions.api.views import bare_subscription_of, subscription_of
from subscriptions.models import CustomerPage, SetupAnswers, Subscription
from subscriptions.page_letters import LONGEST_BODY, known_language, template_in
from subscriptions.services.customer_pages import letter_for, page_expiry, revoke_page, send_page
from subscriptions.services.customer_setup import given_answers, missing, questions_for

ROLES = who_can(Action.SUBSCRIPTION_REMIND)
OF_LETTERS = (NotPermitted, NotFound, InvalidInput, PlaceholderUnknown)


class LetterBody(serializers.Serializer[Any]):
    """What is left out is as the page begins: the customer's contact, its language, the words of the letter there."""

    recipient = serializers.CharField(max_length=254, required=False, allow_null=True)
    language = serializers.CharField(max_length=5, required=False, allow_null=True)
    subject = serializers.CharField(max_length=200, required=False, allow_null=True)
    body = serializers.CharField(max_length=LONGEST_BODY, required=False, allow_null=True)


class LetterFact(TypedDict):
    name: str
    value: str


class LetterPreview(TypedDict):
    """The letter with its placeholders filled in. The page's address is below it, and nobody's but its reader's."""

    recipient: str
    language: str
    subject: str
    greeting: str
    paragraphs: list[str]
    facts: list[LetterFact]
    note: str
    expiresAt: Utc


class CustomerPageShown(TypedDict):
    """`state` is waiting (for the mail server), sent, failed with `error`, expired or revoked. `openedAt` is when its
    way to the publisher's site was first used, `askedAgainAt` when its reader asked for another page.
    """

    id: Guid
    subscriptionId: Guid
    recipient: str
    language: str
    state: str
    error: str
    madeBy: str
    madeAt: Utc
    expiresAt: Utc
    openedAt: Utc | None
    askedAgainAt: Utc | None
    revokedAt: Utc | None
    revokedBy: str
    attributes: Attributes


class SetupAnswer(TypedDict):
    """`kind` is text, long, email, domain, number, choice or date. `isAsked` is false for an answer to a question that
    is asked no more.
    """

    key: str
    question: str
    kind: str
    choices: list[str]
    isRequired: bool
    isAsked: bool
    answer: str | None


class SetupAnswersShown(TypedDict):
    """`missing` names the questions that must be answered and are not, by their keys."""

    subscriptionId: Guid
    answeredAt: Utc | None
    completedAt: Utc | None
    items: list[SetupAnswer]
    missing: list[str]


PAGE_ID = "4b8f2a6c-7d1e-4f3b-8a5c-9d0e1f2a3b4c"
EXAMPLE = CustomerPageShown(
    id=PAGE_ID,
    subscriptionId=examples.SUBSCRIPTION_ID,
    recipient="it@nowak.example",
    language="pl",
    state="waiting",
    error="",
    madeBy="ERP",
    madeAt=examples.BOUGHT,
    expiresAt=examples.EXPIRES,
    openedAt=None,
    askedAgainAt=None,
    revokedAt=None,
    revokedBy="",
    attributes=Attributes(objectType="CustomerPage"),
)
LETTER = {
    "recipient": "it@nowak.example",
    "language": "en",
    "subject": "{offer}: a page for you",
    "body": "Hello {contact},",
}
PREVIEW = LetterPreview(
    recipient="it@nowak.example",
    language="en",
    subject="Contoso Sign: a page for you",
    greeting="Hello Nowak sp. z o.o.,",
    paragraphs=[],
    facts=[LetterFact(name="Offer", value="Contoso Sign")],
    note="The page is for you alone: treat its address as a secret.",
    expiresAt=examples.EXPIRES,
)
ANSWERS = SetupAnswersShown(
    subscriptionId=examples.SUBSCRIPTION_ID,
    answeredAt="2026-12-07T12:00:00Z",
    completedAt="2026-12-07T12:00:00Z",
    items=[
        SetupAnswer(
            key="domain",
            question="Your domain?",
            kind="domain",
            choices=[],
            isRequired=True,
            isAsked=True,
            answer="nowak.example",
        )
    ],
    missing=[],
)


class CustomerPages(OwnResource):
    @operation(
        "listCustomerPages",
        "The pages that its customer was sent, newest first",
        Collection[CustomerPageShown],
        about="With what became of the mail and of the page. A page's address is in its mail only.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=collection([EXAMPLE], f"{examples.SUBSCRIPTION}/customerpages"),
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        found, at = bare_subscription_of(caller(request), customer_id, subscription_id), now()
        rows = found.customer_pages.select_related("message").order_by("-made_at")
        uri = f"/customers/{found.customer_id}/subscriptions/{found.pk}/customerpages"
        return Response(collection([page_shown(row, at) for row in rows], uri))

    @operation(
        "sendCustomerPage",
        "Send the customer a page",
        CustomerPageShown,
        body=LetterBody,
        status=202,
        about=(
            "A letter by e-mail with a page, opened without a sign-in, that leads to the publisher's site and takes "
            "the answers to what the publisher asks. For a purchase that waits to be set up."
        ),
        roles=ROLES,
        refusals=(*OF_LETTERS, NothingToRemind, SentTooOften),
        example=LETTER,
        answer=EXAMPLE,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        sent = send_page(actor, found.pk, page_id=uuid4(), at=at, **_letter_asked(request, found))
        return Response(page_shown(sent, at), 202)


class CustomerPagePreview(OwnResource):
    @operation(
        "previewCustomerPage",
        "The letter as it would be sent",
        LetterPreview,
        body=LetterBody,
        about="Nothing is sent.",
        roles=ROLES,
        refusals=OF_LETTERS,
        example=LETTER,
        answer=PREVIEW,
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        actor, at = caller(request), now()
        authorize(actor, Action.SUBSCRIPTION_REMIND)
        found = subscription_of(actor, customer_id, subscription_id)
        return Response(_preview(actor, found, _letter_asked(request, found), at))


class Revoking(OwnResource):
    @operation(
        "revokeCustomerPage",
        "Let a page work no more",
        CustomerPageShown,
        about="From now on; again, it changes nothing.",
        roles=ROLES,
        refusals=grants.READING,
        answer=EXAMPLE | {"state": "revoked", "revokedAt": "2026-12-07T10:00:00Z", "revokedBy": "ERP"},
    )
    @idempotent
    def post(self, request: Request, customer_id: str, subscription_id: str, page_id: str) -> Response:
        actor, at = caller(request), now()
        found = subscription_of(actor, customer_id, subscription_id)
        return Response(page_shown(revoke_page(actor, found.pk, guid(page_id, "page"), at=at), at))


class Answers(OwnResource):
    @operation(
        "getSetupAnswers",
        "What the customer has answered on its page",
        SetupAnswersShown,
        about="Each question that the publisher asks before the set-up, with the answer where there is one.",
        roles=grants.READERS,
        refusals=grants.READING,
        answer=ANSWERS,
    )
    def get(self, request: Request, customer_id: str, subscription_id: str) -> Response:
        return Response(answers_shown(subscription_of(caller(request), customer_id, subscription_id)))


def _letter_asked(request: Request, found: Subscription) -> dict[str, str]:
    """The letter that a body asks for, filled up with what the page begins with. Raises InvalidInput."""
    values = checked(LetterBody(data=body_of(request)))
    given = {name: value for name, value in values.items() if value is not None}
    language = given.get("language", known_language(found.customer.language))
    template = template_in(known_language(language))
    begun = {"recipient": found.customer.beneficiary_email, "subject": template.subject, "body": template.body}
    return begun | given | {"language": language}


def _preview(actor: Actor, found: Subscription, asked: dict[str, str], at: datetime) -> LetterPreview:
    until = page_expiry(found, at)
    letter = letter_for(actor, found, **asked, url="", until=until)
    return LetterPreview(
        recipient=asked["recipient"],
        language=asked["language"],
        subject=letter.subject,
        greeting=letter.greeting,
        paragraphs=list(letter.paragraphs),
        facts=[LetterFact(name=str(name), value=str(value)) for name, value in letter.facts],
        note=str(letter.note),
        expiresAt=utc(until),
    )


def page_shown(page: CustomerPage, at: datetime) -> CustomerPageShown:
    return CustomerPageShown(
        id=str(page.pk),
        subscriptionId=str(page.subscription_id),
        recipient=page.recipient,
        language=page.language,
        state=_state(page, at),
        error=page.message.last_error if page.message.failed_at else "",
        madeBy=page.made_by,
        madeAt=utc(page.made_at),
        expiresAt=utc(page.expires_at),
        openedAt=utc_or_none(page.opened_at),
        askedAgainAt=utc_or_none(page.asked_again_at),
        revokedAt=utc_or_none(page.revoked_at),
        revokedBy=page.revoked_by,
        attributes=Attributes(objectType="CustomerPage"),
    )


def _state(page: CustomerPage, at: datetime) -> str:
    states = (
        ("revoked", page.revoked_at is not None),
        ("failed", page.message.failed_at is not None),
        ("expired", page.expires_at <= at),
        ("sent", page.message.sent_at is not None),
    )
    return next((state for state, holds in states if holds), "waiting")


def answers_shown(found: Subscription) -> SetupAnswersShown:
    row = SetupAnswers.objects.filter(pk=found.pk).first()
    questions, given = questions_for(found), given_answers(found)
    asked = {
        one.key: SetupAnswer(
            key=one.key,
            question=one.label,
            kind=one.kind,
            choices=list(one.choices),
            isRequired=one.is_required,
            isAsked=True,
            answer=given.get(one.key),
        )
        for one in questions
    }
    others = [
        SetupAnswer(
            key=key,
            question=one["label"],
            kind="text",
            choices=[],
            isRequired=False,
            isAsked=False,
            answer=one["value"],
        )
        for key, one in sorted(row.answers.items() if row else ())
        if key not in asked
    ]
    return SetupAnswersShown(
        subscriptionId=str(found.pk),
        answeredAt=utc_or_none(row.answered_at) if row else None,
        completedAt=utc_or_none(row.completed_at) if row else None,
        items=[*asked.values(), *others],
        missing=[one.key for one in missing(questions, given)],
    )
