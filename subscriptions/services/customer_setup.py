"""What a customer's contact does on the page that it was sent: open the publisher's site, answer, ask for another page.

Whoever holds the address acts in the role customer, for the page's subscription alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction

from accounts.policy import Action, Actor, Role, authorize
from partnerhub.errors import PageGone
from partnerhub.mail.services import post
from partnerhub.outbox.recorder import record
from partnerhub.secret_tokens import hash_of
from publishers.setup_questions import LONG, Question, questions_in
from subscriptions.enums import Reason, Rung, Status
from subscriptions.events import PageAskedFor, SetupAnswered
from subscriptions.letters import page_wish_letter
from subscriptions.models import CustomerPage, SetupAnswers, Subscription
from subscriptions.readers import readers_of
from subscriptions.selectors import blocking_gate
from subscriptions.services.links import mint_link
from subscriptions.services.locking import lock_subscription

WISH = "page-wish"
ASKS_AGAIN_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of answers: `clashes` were changed by somebody else meanwhile and stand as they are there."""

    answers: SetupAnswers
    clashes: dict[str, str]


def page_known(token: str) -> CustomerPage | None:
    """The page of a token, whether or not it still works."""
    pages = CustomerPage.objects.select_related("subscription__customer", "subscription__order_line__order")
    return pages.filter(token_hash=hash_of(token)).first()


def page_at(token: str, at: datetime) -> CustomerPage:
    """The page of a token while it works. Raises PageGone."""
    page = page_known(token)
    if page is None or not is_live(page, at):
        raise PageGone
    return page


def is_live(page: CustomerPage, at: datetime) -> bool:
    """Whether a page still works: neither revoked nor expired, and the purchase waits for the set-up."""
    return page.revoked_at is None and at < page.expires_at and page.subscription.status == Status.PENDING


def contact_of(page: CustomerPage) -> Actor:
    """Who acts on a page: the holder of its address."""
    return Actor("customer", str(page.pk), page.recipient, Role.CUSTOMER, (Role.CUSTOMER,), page.recipient)


def questions_for(subscription: Subscription) -> list[Question]:
    """What the customer is asked: the questions declared with the plan, then what the publisher says it misses."""
    asked = questions_in(subscription.plan.setup_questions)
    gate = blocking_gate(subscription)
    if gate is not None and gate.message and gate.reason == Reason.PUBLISHER_ASKS:
        # Another message is another question: an answer stays with what it answered.
        key = f"message_{sha256(gate.message.encode()).hexdigest()[:12]}"
        asked.append(Question(key, LONG, gate.message, {}, is_required=True, choices=()))
    return asked


def given_answers(subscription: Subscription) -> dict[str, str]:
    """The answers given so far, by the key of their question."""
    row = SetupAnswers.objects.filter(pk=subscription.pk).first()
    return {key: one["value"] for key, one in row.answers.items()} if row else {}


def missing(questions: list[Question], given: Mapping[str, str]) -> list[Question]:
    """The questions that must be answered and are not."""
    return [one for one in questions if one.is_required and not given.get(one.key)]


@transaction.atomic
def open_from_page(token: str, *, at: datetime) -> str:
    """A fresh personalised link to the publisher's site, a secret. Raises PageGone."""
    page = _locked(token, at)
    link = mint_link(contact_of(page), page.subscription_id, at=at)
    if page.opened_at is None:
        page.opened_at = at
        page.save(update_fields=["opened_at"])
    return link


@transaction.atomic
def save_answers(token: str, *, given: Mapping[str, str], seen: Mapping[str, str], at: datetime) -> Saved:
    """Keep valid answers by the key of their question, an empty one takes the answer back; `seen` is what the page
    showed. An answer that somebody else changed meanwhile is left as it is. Raises PageGone.
    """
    page = _locked(token, at)
    actor, subscription = contact_of(page), page.subscription
    authorize(actor, Action.SUBSCRIPTION_ANSWER)
    questions = {one.key: one for one in questions_for(subscription)}
    row = SetupAnswers.objects.filter(pk=subscription.pk).first()
    row = row or SetupAnswers(subscription=subscription, answers={}, answered_at=at)
    standing = {key: one["value"] for key, one in row.answers.items()}
    touched = {key: value for key, value in given.items() if key in questions and value != seen.get(key, "")}
    clashes = {
        key: theirs
        for key, typed in touched.items()
        if (theirs := standing.get(key, "")) not in (seen.get(key, ""), typed)
    }
    wanted = {key: value for key, value in touched.items() if key not in clashes and value != standing.get(key, "")}
    if wanted:
        _write(actor, row, wanted, questions, at)
    return Saved(row, clashes)


@transaction.atomic
def ask_for_page(token: str, *, at: datetime) -> bool:
    """Tell the agents that the holder of a page that works no more would like another; once in 24 hours.

    False, and nothing happens, for a token nobody made, a page that works, or an order that waits no more.
    """
    page = page_known(token)
    if page is None:
        return False
    subscription = lock_subscription(page.subscription_id, contact_of(page))
    page.refresh_from_db()
    rested = page.asked_again_at is None or at >= page.asked_again_at + ASKS_AGAIN_AFTER
    if subscription.status != Status.PENDING or is_live(page, at) or not rested:
        return False
    page.asked_again_at = at
    page.save(update_fields=["asked_again_at"])
    record(
        PageAskedFor(subscription.pk, {"page": str(page.pk), "recipient": page.recipient}),
        actor=contact_of(page),
        at=at,
    )
    for reader in readers_of(Rung.AGENT, subscription):
        letter = page_wish_letter(reader, subscription, page.recipient)
        key = f"{WISH}:{page.pk}:{at.isoformat()}:{reader.key}"
        post(key, to=reader.address, letter=letter, language=reader.language, at=at)
    return True


def _locked(token: str, at: datetime) -> CustomerPage:
    """The page of a token, its subscription locked, while it works. Raises PageGone."""
    page = page_at(token, at)
    page.subscription = lock_subscription(page.subscription_id, contact_of(page))
    page.refresh_from_db(fields=["revoked_at", "opened_at"])
    if not is_live(page, at):
        raise PageGone
    return page


def _write(
    actor: Actor, row: SetupAnswers, wanted: Mapping[str, str], questions: Mapping[str, Question], at: datetime
) -> None:
    before, after = dict[str, Any](), dict[str, Any]()
    for key, value in wanted.items():
        label = questions[key].label
        before[label], after[label] = row.answers.pop(key, {}).get("value", ""), value
        if value:
            row.answers[key] = {"label": label, "value": value}
    left = missing(list(questions.values()), {key: one["value"] for key, one in row.answers.items()})
    row.answered_at, row.completed_at = at, None if left else row.completed_at or at
    row.save()
    data = {"before": before, "after": after, "missing": len(left)}
    record(SetupAnswered(row.subscription_id, data), actor=actor, at=at)
