"""A person told and erased, and what is kept only so long; the chain of events and the ledger stay as they were."""

import json
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import PersonalToken, RoleHeld, User
from accounts.policy import Role
from accounts.services.personal_tokens import make_token
from billing.models import Charge
from customers.models import Customer
from partnerhub.clock import now
from partnerhub.errors import NotPermitted
from partnerhub.mail.models import Message
from partnerhub.outbox.models import Delivery, Event, Refusal
from subscriptions.enums import Status
from subscriptions.models import CustomerPage, SetupAnswers, Subscription
from subscriptions.services.ending import cancel
from subscriptions.services.forgetting import forget_old
from subscriptions.services.personal_data import erase_person
from tests.factories.accounts import UserFactory, actor
from tests.factories.customers import CustomerFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
MAX = "max@customer.example"
YEARS = timedelta(days=731)


def mail(recipient: str, **different) -> Message:
    given = {"key": f"x:{uuid4()}", "language": "en", "subject": "Dear Max", "body": b"", "created_at": NOON}
    return Message.objects.create(recipient=recipient, **given | {"sent_at": NOON} | different)


def page(subscription: Subscription, recipient: str) -> CustomerPage:
    return CustomerPage.objects.create(
        subscription=subscription, token_hash=uuid4().hex, recipient=recipient, language="en", message=mail(recipient),
        made_at=NOON, made_by="Anna", expires_at=NOON + timedelta(days=1),
    )  # fmt: skip


def evidence() -> list[object]:
    return [*Event.objects.order_by("pk").values_list("pk", "hash"), *Charge.objects.values_list("pk", "hash")]


def run(act: str, email: str) -> str:
    call_command("personal_data", act, email, reason="Asked for it", stdout=(told := StringIO()))
    return told.getvalue()


def test_a_contact_is_told_and_erased_but_for_what_the_law_keeps():
    subscription = buy(customer=CustomerFactory(beneficiary_email=MAX, billing_email="Max@Customer.example"))
    page(subscription, MAX)
    waiting = mail(MAX, body=b"sealed", sent_at=None, next_attempt_at=NOON)
    SetupAnswers.objects.create(subscription=subscription, answers={"owner": {"value": MAX}}, answered_at=NOON)

    told = json.loads(run("export", MAX))
    assert {name: len(rows) for name, rows in told.items() if isinstance(rows, list)} == {
        "customers": 1, "answers": 1, "pages": 1, "mails": 2, "agent": 0, "agents_own": 0, "events": 0,
        "refused_attempts": 0,
    }  # fmt: skip
    assert "token_hash" not in told["pages"][0]
    with pytest.raises(CommandError, match=r"1\): name another contact first"):
        run("erase", MAX)
    assert SetupAnswers.objects.get().answers != {}

    cancel(actor(Role.ADMIN_AGENT), subscription.pk, reason="Over", version=None, at=NOON, hold=False)
    assert Subscription.objects.get().status == Status.UNSUBSCRIBED
    before = evidence()
    assert "Kept: invoices." in run("erase", MAX)

    erased = Customer.objects.get()
    assert (erased.beneficiary_name, erased.billing_email, erased.version) == ("Erased", "erased@erased.invalid", 2)
    assert (SetupAnswers.objects.get().answers, CustomerPage.objects.get().recipient) == ({}, "")
    assert set(Message.objects.values_list("recipient", "subject", "next_attempt_at")) == {("", "", None)}
    waiting.refresh_from_db()
    assert (bytes(waiting.body), waiting.last_error) == (b"", "erased")
    assert set(before) < set(evidence())
    assert Event.objects.get(name="customer.contact_erased").data == {}
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("erase", MAX)


def test_an_agent_is_erased_once_deactivated_and_what_they_did_stays():
    olga = UserFactory(name="Olga", email="olga@hub.example", active_role=Role.OPS_AGENT)
    ends = now() + timedelta(days=9)
    make_token(olga.actor(), name="T", role=Role.OPS_AGENT, expires_at=ends, at=now())
    assert "PersonalToken" in run("export", "olga@hub.example")
    with pytest.raises(CommandError, match="Olga is active"):
        run("erase", "olga@hub.example")

    User.objects.update(is_active=False)
    run("erase", "olga@hub.example")

    olga.refresh_from_db()
    assert (olga.name, olga.email, olga.has_usable_password()) == ("Erased", f"{olga.pk}@erased.invalid", False)
    assert (PersonalToken.objects.count(), RoleHeld.objects.count()) == (0, 0)
    assert Event.objects.get(name="personal_token.made").actor_label == "Olga"


def test_only_platform_admins_may_erase():
    with pytest.raises(NotPermitted):
        erase_person(actor(Role.ADMIN_AGENT), MAX, reason="", at=NOON)


def refusal(at) -> None:
    Refusal.objects.create(
        door="page", tried="POST x", path="/x", code="x", sentence="x", actor_kind="user", actor_id="1",
        actor_label="A", actor_role="x", at=at,
    )  # fmt: skip


def test_what_policies_keep_no_longer_is_forgotten_in_batches_and_all_evidence_stays(billing_data):
    subscription = active()
    page(subscription, MAX)
    mail(MAX), mail(MAX), mail(MAX, created_at=NOON + YEARS)
    refusal(NOON), refusal(NOON + YEARS)
    open_one = Delivery.objects.filter(delivered_at=None).count()
    before, delivered = evidence(), Delivery.objects.exclude(delivered_at=None).count()
    assert delivered > 0

    assert forget_old(at=NOON + timedelta(days=89)) == dict.fromkeys(("mails", "pages", "deliveries", "refusals"), 0)
    told = forget_old(at=NOON + YEARS, batch=2)

    assert told == {"mails": 3, "pages": 1, "deliveries": delivered, "refusals": 1}
    assert set(Message.objects.values_list("recipient", flat=True)) == {"", MAX}
    assert (Delivery.objects.count(), Refusal.objects.count()) == (open_one, 1)
    assert evidence() == before
