"""Refused attempts: kept by every door, once a request, after the refused act was rolled back; nothing else changes."""

from uuid import uuid4

import pytest
import time_machine
from django.db import DataError, ProgrammingError, transaction
from django.test import Client

from accounts.policy import Role
from accounts.tokens import MARKETPLACE, Version, issue
from partnerhub.errors import NotPermitted
from partnerhub.outbox import refusals
from partnerhub.outbox.models import Entry, Event, Refusal
from subscriptions.models import Subscription
from tests.api.conftest import Program, path_of
from tests.factories.accounts import UserFactory, actor
from tests.factories.publishers import PublisherFactory
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


def signed_in(role: Role) -> tuple[Client, object]:
    user = UserFactory(active_role=role, roles=[role])
    client = Client()
    client.force_login(user)
    return client, user


def state_of(subscription):
    return Subscription.objects.filter(pk=subscription.pk).values().get(), Event.objects.count()


def test_a_page_keeps_who_tried_what_in_which_role_and_why_it_was_refused():
    subscription = active()
    client, user = signed_in(Role.SALES_AGENT)
    before = state_of(subscription)

    answer = client.post(
        f"/subscriptions/{subscription.pk}/nickname/",
        {"nickname": "Mine", "version": subscription.version},
        headers={"X-Request-ID": "page-1"},
    )

    assert (answer.status_code, state_of(subscription)) == (403, before)
    kept = Refusal.objects.values().get()
    kept.pop("id"), kept.pop("correlation_id")
    assert kept == {
        "door": "page",
        "tried": "POST subscriptions/nickname",
        "path": f"/subscriptions/{subscription.pk}/nickname/",
        "asked": {"nickname": "Mine", "version": str(subscription.version)},
        "stream_type": "subscription",
        "stream_id": subscription.pk,
        "code": "not_permitted",
        "values": {"role": "sales_agent", "action": "subscription.rename", "who_can": "admin_agent"},
        "sentence": "The role sales_agent may not do this (subscription.rename). Ask: admin_agent.",
        "actor_kind": "user",
        "actor_id": str(user.pk),
        "actor_label": user.name,
        "actor_role": "sales_agent",
        "request_id": "page-1",
        "at": NOON,
    }


@pytest.mark.parametrize(
    ("page", "asked", "code"),
    [
        ("nickname", {"nickname": "Other", "version": 99}, "stale_version"),
        ("change/quantity", {"quantity": 101, "version": 2}, "quantity_out_of_range"),
        ("cancel", {"reason": "No", "version": 2, "quote": "4c4f1e6e-0000-4000-8000-000000000000"}, "quote_unknown"),
        ("ask", {}, "nothing_to_poll"),
    ],
)
def test_a_form_that_shows_its_refusal_again_keeps_it_too(page, asked, code):
    subscription = active()
    client, _user = signed_in(Role.ADMIN_AGENT)
    before = state_of(subscription)

    client.post(f"/subscriptions/{subscription.pk}/{page}/", asked)

    assert state_of(subscription) == before
    assert list(Refusal.objects.values_list("tried", "code", "stream_id")) == [
        (f"POST subscriptions/{page}", code, subscription.pk)
    ]


def test_a_program_that_repeats_its_request_tried_once():
    subscription, sales = active(), Program(Role.SALES_AGENT)
    before = state_of(subscription)

    for _ in range(2):
        body = {"friendlyName": "Mine", "clientSecret": "s3cr3t"}
        assert sales.send("patch", path_of(subscription), body, MS_RequestId=str(subscription.pk)).status_code == 403

    assert state_of(subscription) == before
    kept = Refusal.objects.get()
    assert (kept.door, kept.tried, kept.code, kept.request_id, kept.actor_kind, kept.actor_label) == (
        "api",
        "PATCH v1/customers/subscriptions",
        "not_permitted",
        str(subscription.pk),
        "client",
        "Program sales_agent",
    )
    assert (kept.stream_type, kept.stream_id) == ("subscription", subscription.pk)
    assert kept.asked == {"friendlyName": "Mine", "clientSecret": "[redacted]"}


def test_a_publisher_that_reaches_for_another_ones_order_goes_on_record():
    theirs, caller = buy(), PublisherFactory(name="Curious")
    token = issue(caller.client, audience=MARKETPLACE, version=Version.V1, at=NOON).access_token
    before = state_of(theirs)

    answer = Client().post(
        f"/api/saas/subscriptions/{theirs.pk}/activate?api-version=2018-08-31",
        {"planId": "gold", "accessToken": "s3cr3t"},
        content_type="application/json",
        headers={"authorization": f"Bearer {token}"},
    )

    assert (answer.status_code, state_of(theirs)) == (403, before)
    kept = Refusal.objects.get()
    assert (kept.door, kept.tried, kept.code, kept.stream_id, kept.actor_kind, kept.actor_label, kept.asked) == (
        "publisher",
        "POST api/saas/subscriptions/activate",
        "foreign_subscription",
        theirs.pk,
        "publisher",
        caller.client.name,
        {"planId": "gold", "accessToken": "[redacted]"},
    )


def test_two_requests_are_two_attempts():
    subscription, sales = active(), Program(Role.SALES_AGENT)

    for _ in range(2):
        sales.send("patch", path_of(subscription), {"friendlyName": "Mine"}, MS_RequestId=str(uuid4()))

    assert Refusal.objects.count() == 2


def test_looking_and_values_of_the_wrong_shape_are_no_attempts():
    subscription = active()
    client, _user = signed_in(Role.ADMIN_AGENT)
    admin = Program(Role.ADMIN_AGENT)

    assert client.get("/subscriptions/00000000-0000-0000-0000-000000000000/").status_code == 404
    assert client.post(f"/subscriptions/{subscription.pk}/nickname/", {"nickname": ""}).status_code == 422
    assert admin.get("/customers/nobody").status_code == 404
    assert admin.send("patch", path_of(subscription), {"autoRenewEnabled": "maybe"}).status_code == 400
    assert Client().post(f"/subscriptions/{subscription.pk}/nickname/", {"nickname": "x"}).status_code == 302
    assert Refusal.objects.count() == 0


def test_a_body_that_cannot_be_read_is_refused_all_the_same():
    subscription, sales = buy(), Program(Role.SALES_AGENT)

    answer = sales.generic(
        "POST", f"/customers/{subscription.customer_id}/carts", data="{", content_type="application/json"
    )

    assert (answer.status_code, Refusal.objects.count()) == (400, 0)


def test_a_door_answers_though_the_attempt_cannot_be_written(monkeypatch):
    def broken(*_arguments):
        raise DataError("full")

    monkeypatch.setattr(refusals, "_row", broken)
    subscription = active()
    client, _user = signed_in(Role.SALES_AGENT)

    answer = client.post(f"/subscriptions/{subscription.pk}/nickname/", {"nickname": "Mine", "version": 1})

    assert (answer.status_code, Refusal.objects.count()) == (403, 0)


def test_what_nobody_can_store_is_cut_to_what_can_be():
    asked = {"text": "a\0b\ud800", "long": "x" * 9000, "deep": {"a": {"b": {"c": {"d": 1}}}}, "n": float("nan")}
    attempt = refusals.Attempt("api", "POST x", "/x", refusals._plain(asked), None)

    refusals.keep_refusal(
        NotPermitted(role="r", action="a", who_can="w"), attempt, actor=actor(Role.OPS_AGENT), at=NOON
    )

    kept = Refusal.objects.get().asked
    assert (kept["text"], len(kept["long"]), kept["n"]) == ("a\ufffdb?", 500, "nan")


def test_a_refused_attempt_is_never_changed():
    client, _user = signed_in(Role.SALES_AGENT)
    client.post(f"/subscriptions/{active().pk}/nickname/", {"nickname": "Mine", "version": 1})

    for change in (lambda: Refusal.objects.update(code="fine"), lambda: Refusal.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            change()


def test_the_audit_holds_events_and_refused_attempts_together():
    subscription = active()
    client, _user = signed_in(Role.SALES_AGENT)
    client.post(f"/subscriptions/{subscription.pk}/nickname/", {"nickname": "Mine", "version": 1})

    entries = Entry.objects.filter(stream_id=subscription.pk)

    assert set(entries.exclude(code="").values_list("name", "code")) == {
        ("POST subscriptions/nickname", "not_permitted")
    }
    events = Event.objects.filter(stream_id=subscription.pk)
    assert set(entries.filter(code="").values_list("name", "sequence")) == set(events.values_list("name", "sequence"))
