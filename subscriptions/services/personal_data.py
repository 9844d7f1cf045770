"""What the hub holds about one person, by e-mail address: told, and erased as far as no law wants it kept."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q

from accounts.models import User
from accounts.policy import Action, Actor, authorize
from accounts.services.erasing import belongings, erase_agent
from customers.models import Customer
from customers.services.erasing import erase_contact
from partnerhub.errors import NotFound
from partnerhub.mail.models import Message
from partnerhub.outbox.models import Event, Refusal
from subscriptions.models import CustomerPage, SetupAnswers

# Neither secrets nor their hashes are told to anybody.
_SECRET = re.compile(r"hash|secret|password|token|body|^address$|session_key")
# What stays after an erasure, and why.
KEPT = {
    "events": "Evidence of what was ordered, confirmed and charged: chained by hash, so no entry can be changed.",
    "invoices": "Tax law: an invoice is kept as it was issued.",
    "charges": "Evidence of what was owed; they name no person.",
}


def export_person(actor: Actor, email: str) -> dict[str, Any]:
    """Everything about a person, ready for JSON. Raises NotFound where there is nothing, NotPermitted."""
    authorize(actor, Action.PERSON_ERASE)
    user = User.objects.filter(email__iexact=email).first()
    told: dict[str, Any] = {
        "customers": _rows(_customers(email)),
        "answers": _rows(_answers(email)),
        "pages": _rows(CustomerPage.objects.filter(recipient__iexact=email)),
        "mails": _rows(Message.objects.filter(Q(recipient__iexact=email) | Q(reply_to__iexact=email))),
        "agent": _rows([user] if user else []),
        "agents_own": [row for rows in (belongings(user) if user else ()) for row in _rows(rows)],
        "events": _rows(_events(email, user)),
        "refused_attempts": _rows(Refusal.objects.filter(actor_id=str(user.pk))) if user else [],
    }
    if not any(told.values()):
        raise NotFound(what="person", id=email)
    return told | {"email": email, "kept_when_erased": KEPT}


@transaction.atomic
def erase_person(actor: Actor, email: str, *, reason: str, at: datetime) -> dict[str, int]:
    """Erase a person: as contact of customers, in what they answered, in mails and pages, and as a deactivated agent.

    All of it or nothing. Returns how many rows of each. Raises what `erase_contact` and `erase_agent` raise, NotFound.
    """
    authorize(actor, Action.PERSON_ERASE)
    told = {"answers": _answers(email).update(answers={})}
    told["customers"] = sum(
        bool(erase_contact(actor, one.pk, email, reason=reason, at=at)) for one in list(_customers(email))
    )
    told["pages"] = CustomerPage.objects.filter(recipient__iexact=email).update(recipient="")
    waiting = Message.objects.filter(recipient__iexact=email, next_attempt_at__isnull=False)
    ended = {"next_attempt_at": None, "lease_until": None, "body": b"", "last_error": "erased"}
    waiting.update(failed_at=at, **ended)
    told["mails"] = Message.objects.filter(recipient__iexact=email).update(recipient="", subject="", body=b"")
    told["mails"] += Message.objects.filter(reply_to__iexact=email).update(reply_to="")
    told["agent"] = int(User.objects.filter(email__iexact=email).exists())
    if told["agent"]:
        erase_agent(actor, email, reason=reason, at=at)
    if not any(told.values()):
        raise NotFound(what="person", id=email)
    return told


def _customers(email: str) -> models.QuerySet[Customer]:
    return Customer.objects.filter(Q(beneficiary_email__iexact=email) | Q(billing_email__iexact=email))


def _answers(email: str) -> models.QuerySet[SetupAnswers]:
    """Given by the person: on the pages of a customer whose contact it is, or that were sent to this address."""
    pages = CustomerPage.objects.filter(recipient__iexact=email).values("subscription")
    mine = Q(subscription__customer__beneficiary_email__iexact=email) | Q(subscription__in=pages)
    return SetupAnswers.objects.filter(mine).exclude(answers={})


def _events(email: str, user: User | None) -> models.QuerySet[Event]:
    said = Q(data__icontains=email)
    return Event.objects.filter(said | Q(actor_id=str(user.pk)) if user else said).order_by("at")


def _rows(rows: Iterable[models.Model]) -> list[dict[str, Any]]:
    return [
        {"is": row._meta.label}
        | {
            one.name: str(one.value_from_object(row))
            for one in row._meta.concrete_fields
            if not _SECRET.search(one.name)
        }
        for row in rows
    ]
