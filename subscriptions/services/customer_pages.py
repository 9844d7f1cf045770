"""Sending a customer's contact the page on which the set-up can be finished, and taking it back."""

from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.policy import Action, Actor, authorize
from partnerhub.errors import InvalidInput, NotFound, NothingToRemind, SentTooOften, StaleVersion
from partnerhub.mail.letters import Letter
from partnerhub.mail.models import Message
from partnerhub.mail.services import asked_before_sending, is_address, post
from partnerhub.outbox.recorder import record
from partnerhub.secret_tokens import hash_of, new_token
from publishers.selectors import policy_duration
from subscriptions.enums import Status
from subscriptions.events import LetterChanged, PageRevoked, PageSent
from subscriptions.models import CustomerPage, LetterTemplate, Subscription
from subscriptions.page_letters import check_template, page_letter, page_values, template_in
from subscriptions.readers import buyer_of
from subscriptions.services.locking import lock_subscription
from subscriptions.services.reminding import is_refused

PURPOSE = "page"
POLICY = "customer_page_lives"
MOST_A_DAY = 10
_DAY = timedelta(hours=24)
_LETTERS = UUID("6f1b52a4-58f2-4c9e-9d4a-0f4a6b7a3c11")


@transaction.atomic
def send_page(
    actor: Actor,
    subscription_id: UUID,
    *,
    page_id: UUID,
    recipient: str,
    language: str,
    subject: str,
    body: str,
    at: datetime,
) -> CustomerPage:
    """Post the mail with a fresh page in it. `page_id` is the sender's own: sent twice, it is one page and one mail.

    Raises NotPermitted, NotFound, NothingToRemind, SentTooOften, InvalidInput, PlaceholderUnknown.
    """
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    subscription = lock_subscription(subscription_id, actor)
    known = CustomerPage.objects.filter(pk=page_id, subscription=subscription).first()
    if known is not None:
        return known
    check_sendable(subscription, at)
    _check_rate(subscription, at)
    expires_at, token = page_expiry(subscription, at), new_token()
    address = f"{settings.HUB_BASE_URL}{reverse('customer_page', args=[token])}"
    letter = letter_for(actor, subscription, recipient, language, subject, body, url=address, until=expires_at)
    page = CustomerPage(
        pk=page_id,
        subscription=subscription,
        token_hash=hash_of(token),
        recipient=recipient,
        language=language,
        message=_posted(actor, page_id, subscription, recipient, language, letter, expires_at, at),
        made_at=at,
        made_by=actor.label,
        expires_at=expires_at,
    )
    page.save(force_insert=True)
    data = {"page": str(page.pk), "recipient": recipient, "language": language, "until": expires_at.isoformat()}
    record(PageSent(subscription.pk, data), actor=actor, at=at)
    return page


@transaction.atomic
def revoke_page(actor: Actor, subscription_id: UUID, page_id: UUID, *, at: datetime) -> CustomerPage:
    """Let a page work no more, from now on; doing it again changes nothing. Raises NotPermitted, NotFound."""
    authorize(actor, Action.SUBSCRIPTION_REMIND)
    subscription = lock_subscription(subscription_id, actor)
    page = CustomerPage.objects.filter(pk=page_id, subscription=subscription).first()
    if page is None:
        raise NotFound(what="page", id=page_id)
    if page.revoked_at is None:
        page.revoked_at, page.revoked_by = at, actor.label
        page.save(update_fields=["revoked_at", "revoked_by"])
        data = {"page": str(page.pk), "recipient": page.recipient}
        record(PageRevoked(subscription.pk, data), actor=actor, at=at)
    return page


@transaction.atomic
def change_template(actor: Actor, language: str, *, subject: str, body: str, seen: int, at: datetime) -> LetterTemplate:
    """Write the words in which customers are sent their page, for one language of the hub.

    Raises NotPermitted, NotFound, InvalidInput, PlaceholderUnknown, StaleVersion.
    """
    authorize(actor, Action.LETTER_EDIT)
    if language not in dict(settings.LANGUAGES):
        raise NotFound(what="language", id=language)
    body = body.replace("\r\n", "\n").strip()
    check_template(subject, body)
    row = LetterTemplate.objects.select_for_update().filter(pk=language).first()
    current = row.version if row else 0
    if seen != current:
        raise StaleVersion(seen=seen, current=current)
    values = {"subject": subject.strip(), "body": body, "changed_by": actor.label, "changed_at": at}
    before = template_in(language)
    row, _is_new = LetterTemplate.objects.update_or_create(
        pk=language, defaults={**values, "version": current + 1}, create_defaults={**values, "version": 1}
    )
    data = {
        "language": language,
        "before": {"subject": before.subject, "body": before.body},
        "after": {"subject": row.subject, "body": row.body},
    }
    record(LetterChanged(letter_id(language), data), actor=actor, at=at)
    return row


def letter_id(language: str) -> UUID:
    """What the template of a language is called in its events."""
    return uuid5(_LETTERS, language)


def check_sendable(subscription: Subscription, at: datetime) -> None:
    """Raise NothingToRemind where the customer can do nothing for the set-up."""
    if subscription.status != Status.PENDING or subscription.activate_by <= at:
        raise NothingToRemind(why="the subscription waits no more")
    if is_refused(subscription):
        raise NothingToRemind(why="the publisher refused the order")


def page_expiry(subscription: Subscription, at: datetime) -> datetime:
    """Until when a page works that is sent at a moment: as the policy says, never beyond the order itself."""
    lives = policy_duration(POLICY, subscription.plan, at, subscription.plan_term.term)
    return min(at + lives, subscription.activate_by)


def letter_for(
    actor: Actor,
    subscription: Subscription,
    recipient: str,
    language: str,
    subject: str,
    body: str,
    *,
    url: str,
    until: datetime,
) -> Letter:
    """The letter as it would be sent. Raises InvalidInput, PlaceholderUnknown."""
    if not is_address(recipient):
        raise InvalidInput(field="recipient", problem="it is not an e-mail address")
    if language not in dict(settings.LANGUAGES):
        raise InvalidInput(field="language", problem="the hub does not speak it")
    body = body.replace("\r\n", "\n").strip()
    check_template(subject, body)
    values = page_values(subscription, recipient=recipient, language=language, agent=actor.label, until=until)
    return page_letter(subject, body, values, language=language, url=url)


def _check_rate(subscription: Subscription, at: datetime) -> None:
    recent = subscription.customer_pages.filter(made_at__gt=at - _DAY).order_by("-made_at")
    moments = list(recent.values_list("made_at", flat=True)[:MOST_A_DAY])
    if len(moments) == MOST_A_DAY:
        raise SentTooOften(limit=MOST_A_DAY, again_at=f"{moments[-1] + _DAY:%Y-%m-%d %H:%M} UTC")


def _posted(
    actor: Actor,
    page_id: UUID,
    subscription: Subscription,
    recipient: str,
    language: str,
    letter: Letter,
    expires_at: datetime,
    at: datetime,
) -> Message:
    key = f"{PURPOSE}:{page_id}"
    buyer = buyer_of(subscription)
    reply_to = actor.email or (buyer.email if buyer else "")
    post(key, to=recipient, letter=letter, language=language, at=at, reply_to=reply_to, expires_at=expires_at)
    return Message.objects.get(key=key)


@asked_before_sending(PURPOSE)
def is_wanted(key: str) -> bool:
    """Whether a page that is about to be sent still works."""
    live = CustomerPage.objects.filter(pk=key.split(":")[1], revoked_at=None)
    return live.filter(subscription__status=Status.PENDING).exists()
