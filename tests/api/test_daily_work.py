"""The daily work of agents by program: what it answers and leaves behind, and that pages meet the same."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.urls import reverse

from accounts.policy import Role
from partnerhub.api.models import IdempotencyKey
from partnerhub.mail.models import Message
from partnerhub.outbox.models import Event
from publishers.models import Publisher
from subscriptions.enums import OperationStatus
from subscriptions.models import CustomerPage, Divergence, Operation, SetupAnswers, Subscription, Triage
from subscriptions.services.divergences import accept_divergence
from subscriptions.services.edits import set_auto_renew
from subscriptions.services.scheduling import schedule_renewal, scheduled_of
from tests.api.conftest import LATER, Program, path_of, refused
from tests.api.test_page_alike import ADMIN, DONE, NOTHING, Case, check_alike
from tests.api.world import differing
from tests.factories.accounts import UserFactory
from tests.factories.publishers import PlanTermFactory
from tests.factories.subscriptions import active, buy

pytestmark = pytest.mark.django_db

WORKERS = (Role.ADMIN_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN)
TELLERS = (Role.ADMIN_AGENT, Role.SALES_AGENT, Role.OPS_AGENT)
CHECKERS = (Role.ADMIN_AGENT, Role.OPS_AGENT)
REQUEST_ID = "1f0f4b7e-0000-4000-8000-00000000000a"
SOON = "2026-11-23T14:00:00Z"


def item_of(found: Subscription) -> str:
    return f"/attention/{found.pk}:licenses_assigned"


def test_an_item_is_given_put_aside_and_taken_up_again(ops: Program) -> None:
    waiting, person = buy(), UserFactory(name="Anna Nowak", roles=[Role.OPS_AGENT])
    UserFactory(name="Seller", roles=[Role.SALES_AGENT])
    SetupAnswers.objects.create(
        subscription=waiting, answers={"domain": {"label": "Domain", "value": "a.example"}}, answered_at=LATER
    )
    item = item_of(waiting)
    anna = {"id": str(person.pk), "name": "Anna Nowak"}
    assert ops.get("/attention/assignees").json()["items"] == [anna]

    assert ops.send("post", f"{item}/assign", {"assigneeId": anna["id"]}).json()["assignee"] == anna
    shown = ops.send("post", f"{item}/snooze", {"until": SOON}).json()
    assert (shown["snoozed"], shown["snoozedUntil"], shown["subjectId"]) == (True, SOON, None)
    assert (shown["customerAnsweredAt"], shown["customerAnswersComplete"]) == ("2026-11-23T13:00:00Z", False)
    assert ops.get("/attention").json()["items"] == [shown] == [ops.get(item).json()]
    woken = ops.send("post", f"{item}/wake").json()
    assert woken == shown | {"snoozed": False, "snoozedUntil": None}
    assert ops.send("post", f"{item}/assign", {"assigneeId": None}).json()["assignee"] is None


def test_what_is_refused_leaves_an_item_as_it_was(ops: Program) -> None:
    item, seller = item_of(buy()), UserFactory(roles=[Role.SALES_AGENT])
    before = ops.get(item).json()

    assert seller.name in refused(ops.send("post", f"{item}/assign", {"assigneeId": str(seller.pk)}), 400, 3000)
    refused(ops.send("post", f"{item}/assign", {"assigneeId": str(uuid4())}), 404, 1000)
    refused(ops.send("post", f"{item}/assign", {}), 400, 800002)
    refused(ops.send("post", f"{item}/snooze", {"until": "2026-11-23T13:00:00Z"}), 400, 3000)
    refused(ops.send("post", f"{item}/snooze", {"until": "9999-12-31T23:59:59Z"}), 400, 800002)
    refused(ops.send("post", "/attention/none/wake"), 409, 800060)
    refused(ops.get("/attention/none"), 404, 1000)

    assert (ops.get(item).json(), Triage.objects.count()) == (before, 0)


def test_a_publishers_own_items_are_listed_when_they_are_asked_for(ops: Program) -> None:
    publisher = buy().publisher
    Publisher.objects.filter(pk=publisher.pk).update(circuit="open", circuit_retry_at=LATER, last_failure="timeout")

    assert [one["reason"] for one in ops.get("/attention").json()["items"]] == ["awaiting_customer_setup"]
    [found] = ops.get("/attention?reason=publisher_down").json()["items"]

    assert (found["publisherId"], found["subscriptionId"], found["amountAtRisk"]) == (str(publisher.pk), None, None)
    assert ops.send("post", f"/attention/{found['id']}/snooze", {"until": None}).json()["snoozed"] is True


def test_a_note_names_whom_it_mentions(sales: Program) -> None:
    found, person = active(), UserFactory(name="Anna Nowak", roles=[Role.OPS_AGENT])
    noted = sales.send("post", path_of(found, "notes"), {"text": " @Anna Nowak, call them. "})

    assert (noted.status_code, noted.json()["text"], noted.json()["by"]) == (
        201,
        "@Anna Nowak, call them.",
        "Program sales_agent",
    )
    assert noted.json()["mentions"] == [{"id": str(person.pk), "name": "Anna Nowak"}]
    assert sales.get(path_of(found, "notes")).json()["items"] == [noted.json()]
    refused(sales.send("post", path_of(found, "notes"), {"text": "  "}), 400, 800002)


def test_a_held_change_is_undone_or_let_go(admin: Program) -> None:
    first, second = (set_auto_renew(ADMIN, active().pk, auto_renew=False, version=None, at=LATER) for _ in range(2))
    one, other = (path_of(found, "operations", str(found.operations.get().pk)) for found in (first, second))

    assert admin.get(one).json()["heldUntil"] == "2026-11-23T13:01:00Z"
    assert admin.send("post", f"{one}/undo").json()["status"] == "withdrawn"
    assert admin.send("post", f"{other}/hurry").json()["status"] == "succeeded"
    assert [admin.get(path_of(found)).json()["autoRenewEnabled"] for found in (first, second)] == [True, False]
    for address in (f"{one}/undo", f"{other}/hurry"):
        assert refused(admin.send("post", address), 409, 800060)


def test_a_change_that_failed_is_let_be_once(admin: Program) -> None:
    found = set_auto_renew(ADMIN, active().pk, auto_renew=False, version=None, at=LATER)
    change = path_of(found, "operations", str(found.operations.get().pk))
    refused(admin.send("post", f"{change}/letbe"), 409, 800060)
    refused(admin.send("post", f"{change}/poll"), 400, 800096)
    Operation.objects.update(status=OperationStatus.FAILED, completed_at=LATER, held_until=None)
    [item] = admin.get("/attention?reason=change_failed").json()["items"]

    assert item["subjectId"] == str(found.operations.get().pk)
    assert admin.send("post", f"{change}/letbe").json()["seenAt"] == "2026-11-23T13:00:00Z"
    assert admin.send("post", f"{change}/letbe").status_code == 200
    assert Event.objects.filter(name="subscription.change_let_be").count() == 1
    assert admin.get("/attention?reason=change_failed").json()["items"] == []


def test_ones_own_request_is_withdrawn_and_nobody_elses(sales: Program, admin: Program) -> None:
    found = active()
    asked = sales.send("post", path_of(found, "changerequests"), {"quantity": 9, "reason": "More"}).json()["id"]
    request = path_of(found, "changerequests", asked)
    stranger = Program(Role.SALES_AGENT)
    stranger.force_authenticate(user=UserFactory(roles=[Role.SALES_AGENT]).actor())

    refused(stranger.send("post", f"{request}/withdraw"), 404, 1000)
    refused(admin.send("post", f"{request}/withdraw"), 403, 900150)
    assert admin.get(request).json()["status"] == "open"
    assert sales.send("post", f"{request}/withdraw").json() == sales.get(request).json()
    assert sales.get(request).json()["status"] == "withdrawn"
    refused(sales.send("post", f"{request}/withdraw"), 409, 800060)


def test_one_part_of_what_is_scheduled_is_taken_back(admin: Program) -> None:
    found = active()
    other = PlanTermFactory(plan=found.plan, term="P1Y", billing_cycle="monthly")
    schedule_renewal(ADMIN, found.pk, quantity=6, plan_term_id=other.pk, version=None, at=LATER)
    address, etag = path_of(found, "unschedule"), admin.get(path_of(found)).json()["attributes"]["etag"]

    shown = admin.send("post", address, {"what": "quantity", "attributes": {"etag": etag}}).json()
    assert list(shown["scheduledNextTermInstructions"]) == ["product"]
    refused(admin.send("post", address, {"what": "product"}, If_Match=etag), 400, 2055)
    refused(admin.send("post", address, {"what": "quantity"}), 400, 3000)
    assert scheduled_of(found) == {"plan_term": str(other.pk)}
    assert "scheduledNextTermInstructions" not in admin.send("post", address).json()


def test_a_divergence_is_let_be_with_a_note(ops: Program) -> None:
    address = f"/divergences/{differing(active()).pk}"
    refused(ops.send("post", f"{address}/accept", {"note": " "}), 400, 800002)
    let_be = ops.send("post", f"{address}/accept", {"note": "Theirs"}).json()

    assert (let_be["endedAs"], let_be["endedBy"], let_be["note"]) == ("accepted", "Program ops_agent", "Theirs")
    assert (ops.get(address).json(), ops.get("/divergences").json()["items"]) == (let_be, [])
    refused(ops.send("post", f"{address}/accept", {"note": "Again"}), 409, 800060)


def test_the_customer_is_told_of_the_renewal_once_a_day(sales: Program) -> None:
    address = path_of(active(), "renewalnotices")
    told = sales.send("post", address)

    assert (told.status_code, told.json()["state"], told.json()["sentAt"]) == (202, "waiting", None)
    assert sales.get(address).json()["items"] == [told.json()]
    refused(sales.send("post", address), 409, 800060)
    assert Message.objects.filter(key__startswith="renewal:").count() == 1


def test_a_page_is_sent_once_and_its_address_is_told_to_nobody_else(sales: Program) -> None:
    waiting = buy()
    address = path_of(waiting, "customerpages")
    looked = sales.send("post", f"{address}/preview", {"language": "en"}).json()
    sent, again = (sales.send("post", address, {"language": "en"}, MS_RequestId=REQUEST_ID) for _ in range(2))

    assert (sent.status_code, sent.json()) == (202, again.json())
    assert (CustomerPage.objects.count(), Message.objects.count()) == (1, 1)
    assert (Message.objects.get().subject, sent.json()["recipient"]) == (looked["subject"], looked["recipient"])
    assert "/c/" not in sent.content.decode() + IdempotencyKey.objects.get().body + str(looked)
    revoked = sales.send("post", f"{address}/{sent.json()['id']}/revoke").json()
    assert (revoked["state"], revoked["revokedBy"]) == ("revoked", "Program sales_agent")
    assert sales.get(address).json()["items"] == [revoked]
    refused(sales.send("post", address, {"subject": "{offr}"}), 400, 800002)
    refused(sales.send("post", path_of(active(), "customerpages")), 400, 800096)
    assert CustomerPage.objects.count() == 1


def test_no_more_than_ten_pages_a_day(sales: Program) -> None:
    address = path_of(buy(), "customerpages")
    sent = [sales.send("post", address).status_code for _ in range(10)]
    assert sent == [202] * 10
    assert "10 pages" in refused(sales.send("post", address), 409, 800060)


def test_the_words_of_the_letter_are_written_over_what_was_seen(admin: Program) -> None:
    begun = admin.get("/letters/pl").json()
    written = admin.send("put", "/letters/pl", {**begun, "subject": "{offer}"}).json()

    assert (written["subject"], written["body"], written["changedBy"]) == (
        "{offer}",
        begun["body"],
        "Program admin_agent",
    )
    refused(admin.send("put", "/letters/pl", {**begun, "subject": "Other"}), 400, 2055)
    refused(admin.get("/letters/de"), 404, 1000)
    assert admin.get("/letters/pl").json() == written


def test_answers_are_told_question_by_question(sales: Program) -> None:
    questions = [{"key": "seats", "kind": "number", "label": "Seats?", "labels": {}, "required": True, "choices": []}]
    waiting = buy(term=PlanTermFactory(plan__setup_questions=questions))
    old = {"label": "Old?", "value": "Yes"}
    SetupAnswers.objects.create(subscription=waiting, answers={"old": old}, answered_at=LATER)
    told = sales.get(path_of(waiting, "setupanswers")).json()

    assert [(one["key"], one["isAsked"], one["answer"]) for one in told["items"]] == [
        ("seats", True, None),
        ("old", False, "Yes"),
    ]
    assert (told["missing"], told["answeredAt"], told["completedAt"]) == (["seats"], "2026-11-23T13:00:00Z", None)


# At both doors


def sent_case(
    name: str,
    page: str,
    typed: dict[str, Any],
    api: str,
    body: dict[str, Any],
    met: str,
    *roles: Role,
    call: str = "post",
) -> Case:
    """What is typed at an address of a page, and sent to one of the API."""
    return Case(
        name,
        lambda doors: doors.browser.post(page, typed),
        lambda doors: getattr(doors.api, call)(f"/v1{api}", body, format="json"),
        met,
        roles or (Role.ADMIN_AGENT,),
    )


def queue_cases(waiting: Subscription, settled: Subscription) -> Iterator[Case]:
    person, item = UserFactory(roles=[Role.OPS_AGENT]), item_of(waiting)
    page, over = (reverse("attention:act", args=[found.pk]) for found in (waiting, settled))
    to_person = {"act": "assign", "assignee": person.pk}, {"assigneeId": str(person.pk)}
    for_an_hour = {"act": "snooze", "until": "hour"}, {"until": SOON}
    yield sent_case("assign", page, to_person[0], f"{item}/assign", to_person[1], DONE, *WORKERS)
    yield sent_case("snooze", page, for_an_hour[0], f"{item}/snooze", for_an_hour[1], DONE, *WORKERS)
    yield sent_case("wake", page, {"act": "wake"}, f"{item}/wake", {}, NOTHING, *WORKERS)
    gone = f"{item_of(settled)}/wake"
    yield sent_case("wake what is settled", over, {"act": "wake"}, gone, {}, "attention_settled", *WORKERS)


def letter_cases(waiting: Subscription) -> Iterator[Case]:
    page, api = reverse("subscriptions:send", args=[waiting.pk]), path_of(waiting, "customerpages")
    for subject, met in (("{offer}", DONE), ("{offr}", "placeholder_unknown")):
        letter = {"recipient": "it@nowak.example", "language": "en", "subject": subject, "body": "Hello"}
        yield sent_case(f"send {subject}", page, letter | {"page": str(uuid4())}, api, letter, met, *TELLERS)
    words = {"subject": "{offer}", "body": "Hello"}
    template = reverse("letter", args=["en"])
    yield sent_case("letter", template, words | {"version": 0}, "/letters/en", words, DONE, call="put")


def running_cases(running: Subscription, open_one: Divergence, over: Divergence) -> Iterator[Case]:
    def page(name: str, *ids: Any) -> str:
        return reverse(f"subscriptions:{name}", args=[running.pk, *ids])

    why, told, seen = {"note": "Theirs"}, {"text": "Called them"}, {"version": running.version}
    letting = reverse("subscriptions:accept_divergence", args=[over.subscription_id, over.pk])
    api = f"/divergences/{over.pk}/accept"
    yield sent_case("let be what is over", letting, why, api, why, "divergence_over", *CHECKERS)
    api = f"/divergences/{open_one.pk}/accept"
    yield sent_case("let be", page("accept_divergence", open_one.pk), why, api, why, DONE, *CHECKERS)
    yield sent_case("note", page("note"), told, path_of(running, "notes"), told, DONE, *TELLERS)
    notices = path_of(running, "renewalnotices")
    yield sent_case("notice", page("renewal_notice"), {}, notices, {}, DONE, *TELLERS)
    taking_back = path_of(running, "unschedule")
    yield sent_case("unschedule", page("unschedule"), seen, taking_back, {}, "nothing_scheduled")


def held_cases(held: Operation, gone: Operation) -> Iterator[Case]:
    for change, met in ((held, DONE), (gone, "too_late_to_undo")):
        for name in ("undo", "hurry"):
            page = reverse(f"subscriptions:{name}", args=[change.subscription_id, change.pk])
            api = path_of(change.subscription, "operations", str(change.pk), name)
            yield sent_case(f"{name} {met}", page, {}, api, {}, met)


def test_daily_work_meets_the_same_at_both_doors(subtests: pytest.Subtests) -> None:
    waiting, running = buy(), active()
    open_one, over = differing(running), differing(active())
    accept_divergence(ADMIN, over.subscription_id, over.pk, note="Theirs", at=LATER)
    held, gone = (
        set_auto_renew(ADMIN, active().pk, auto_renew=False, version=None, at=LATER).operations.get() for _ in range(2)
    )
    Operation.objects.filter(pk=gone.pk).update(status=OperationStatus.SUCCEEDED, completed_at=LATER, held_until=None)
    cases = [
        *queue_cases(waiting, settled=running),
        *letter_cases(waiting),
        *running_cases(running, open_one, over),
        *held_cases(held, gone),
    ]
    with time_machine.travel(LATER + timedelta(seconds=1), tick=False):
        check_alike(cases, subtests, LATER)
