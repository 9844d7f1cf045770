"""Bulk changes: what the plan says is what happens, and every refusal keeps its code."""

import csv
import io
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.policy import Role
from partnerhub.errors import InvalidInput, NotPermitted
from partnerhub.jobs.enums import JobStatus, RowStatus
from partnerhub.jobs.models import Job
from partnerhub.jobs.services import confirm, plan_again
from partnerhub.outbox.models import Event
from subscriptions.bulk import plan_selected
from subscriptions.bulk_file import COLUMNS, FileUnreadable, plan_file, read_lines, values_now
from subscriptions.enums import Status
from subscriptions.models import PollSchedule, Subscription
from subscriptions.services.bulk import Act
from subscriptions.services.edits import rename
from tests.factories.customers import ResellerFactory
from tests.factories.jobs import agent, outcomes, planned, work
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(minutes=5)
VALUES = {
    Act.NICKNAME: "Head office",
    Act.AUTO_RENEW: False,
    Act.PARTNER_ID: "5550001",
    Act.QUANTITY: 9,
    Act.POLL: True,
    Act.CANCEL: True,
}


def lives() -> list[Subscription]:
    """One subscription in each state."""
    from subscriptions.services.ending import cancel
    from subscriptions.services.suspension import suspend

    admin = agent()
    suspended, ended = active(), buy()
    suspend(admin, suspended.pk, reason="Unpaid", version=None, at=NOON)
    cancel(admin, ended.pk, reason="Gone", version=None, at=NOON, hold=False)
    return [buy(), active(), suspended, ended]


def events_since(subscription: Subscription, sequence: int) -> list[str]:
    events = Event.objects.filter(stream_id=subscription.pk, sequence__gt=sequence).order_by("sequence")
    return list(events.values_list("name", flat=True))


def last_sequence(subscription: Subscription) -> int:
    return Event.objects.filter(stream_id=subscription.pk).count()


@pytest.mark.parametrize("act", list(Act))
def test_the_plan_says_what_will_happen_when_nothing_moves(act):
    ResellerFactory(partner_id="5550001")
    admin, subscriptions = agent(), lives()
    before = {one.pk: last_sequence(one) for one in subscriptions}

    job = planned(admin, subscriptions, **{act.value: VALUES[act]})
    verdicts = {row.subject_id: (row.status, row.code) for row in job.rows.all()}
    assert {one.pk: last_sequence(one) for one in subscriptions} == before
    confirm(admin, job.pk, phrase=job.phrase, at=NOON)
    work(job)

    results = {row.subject_id: (row.status, row.code) for row in job.rows.all()}
    assert {pk: (RowStatus.DONE, "") if verdict == (RowStatus.PENDING, "") else verdict for pk, verdict in
            verdicts.items()} == results  # fmt: skip
    touched = {one.pk: len(events_since(one, before[one.pk])) for one in subscriptions}
    assert {pk for pk, n in touched.items() if n} == {pk for pk, (status, _) in results.items() if status == "done"}


def test_each_state_refuses_with_its_own_code():
    pending, running, suspended, ended = lives()
    job = planned(agent(), [pending, running, suspended, ended], quantity=9)

    assert {row.subject_id: (row.status, row.code) for row in job.rows.all()} == {
        pending.pk: (RowStatus.REFUSED, "not_activated_yet"),
        running.pk: (RowStatus.PENDING, ""),
        suspended.pk: (RowStatus.REFUSED, "quantity_while_suspended"),
        ended.pk: (RowStatus.REFUSED, "subscription_ended"),
    }


def test_what_moved_since_the_plan_is_refused_and_not_overwritten():
    admin, subscription = agent(), active()
    job = planned(admin, [subscription], nickname="Head office")
    rename(agent(), subscription.pk, nickname="Mine", version=None, at=NOON)
    confirm(admin, job.pk, at=SOON)

    assert outcomes(work(job, SOON)) == [(RowStatus.REFUSED, "stale_version")]
    subscription.refresh_from_db()
    assert subscription.nickname == "Mine"

    again = work(plan_again(admin, job.pk, at=SOON), SOON)
    confirm(admin, again.pk, at=SOON)
    assert outcomes(work(again, SOON)) == [(RowStatus.DONE, "")]
    subscription.refresh_from_db()
    assert subscription.nickname == "Head office"


def test_what_is_so_already_is_left_alone():
    admin, subscription = agent(), active(nickname="Head office")
    job = planned(admin, [subscription], nickname="  Head   office ")

    assert (job.status, outcomes(job)) == (JobStatus.PLANNED, [(RowStatus.SKIPPED, "")])


def test_cancelling_asks_for_the_customer_or_for_the_number():
    admin, first = agent(), buy()
    second = buy(customer=first.customer)

    assert planned(admin, [first, second], cancel=True).phrase == first.customer.name
    assert planned(admin, [first, buy()], cancel=True).phrase == "2"
    assert planned(admin, [first, second], nickname="New").phrase == ""


def test_the_reason_goes_on_record_with_every_row():
    admin, subscription = agent(), buy()
    job = planned(admin, [subscription], reason="Contract over", cancel=True)
    confirm(admin, job.pk, phrase=job.phrase, at=NOON)
    work(job)

    last = Event.objects.filter(stream_id=subscription.pk).order_by("-sequence").first()
    assert (last.reason, last.actor_id, last.correlation_id) == ("Contract over", admin.id, str(job.pk))


def test_matching_is_frozen_when_it_is_planned():
    admin, first = agent(), buy(nickname="Alpha one")
    buy(nickname="Beta")
    job = work(plan_selected(admin, [], "q=Alpha", {"nickname": "New"}, reason="", at=NOON))
    buy(nickname="Alpha two")

    assert list(job.rows.values_list("subject_id", flat=True)) == [first.pk]


def test_a_filter_that_cannot_be_read_selects_nothing():
    with pytest.raises(InvalidInput):
        plan_selected(agent(), [], "status=nonsense", {"nickname": "New"}, reason="", at=NOON)
    assert Job.objects.count() == 0


def test_an_id_that_is_nobodys_is_a_row_of_its_own(admin_agent):
    subscription = buy()
    job = plan_selected(
        agent(), [subscription.pk, admin_agent_id := subscription.customer_id], None, {"nickname": "X"}, reason="",
        at=NOON,
    )  # fmt: skip

    assert list(work(job).rows.order_by("number").values_list("subject_id", "subject", "code")) == [
        (subscription.pk, subscription.nickname, ""),
        (None, str(admin_agent_id), "not_found"),
    ]


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.ADMIN_AGENT, set(Act)),
        (Role.OPS_AGENT, {Act.POLL}),
        (Role.SALES_AGENT, set()),
        (Role.PLATFORM_ADMIN, set()),
    ],
)
def test_who_may_do_what_to_many(role, allowed):
    by, subscription = agent(role), buy()
    able = set()
    for act in Act:
        try:
            plan_selected(by, [subscription.pk], None, {act.value: VALUES[act]}, reason="", at=NOON)
            able.add(act)
        except NotPermitted:
            pass

    assert able == allowed
    assert Job.objects.count() == len(allowed)


def test_polling_makes_the_question_due_now():
    by, subscription = agent(Role.OPS_AGENT), buy()
    job = planned(by, [subscription], SOON, poll=True)
    confirm(by, job.pk, at=SOON)
    work(job, SOON)

    assert PollSchedule.objects.get(pk=subscription.pk).next_poll_at == SOON
    assert events_since(subscription, 0)[-1] == "subscription.poll_requested"


# Files


def file_of(*rows: list[str], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def test_a_file_gives_each_subscription_its_own_values():
    admin, one, two, three = agent(), active(), buy(auto_renew=False), active()
    content = file_of(
        ["Subscription ID", "Nickname", "quantity", "Auto-Renew"],
        [str(one.pk), "'=Ludwigshafen", "9", ""],
        [str(two.pk), "Łódź", "", "tak"],
        ["", "", "", ""],
        [str(three.pk), "", "many", ""],
        [str(one.pk), "Twice", "", ""],
        ["no-id", "Nobody", "", ""],
        delimiter=";",
    )
    job = work(plan_file(admin, read_lines(content), reason="", at=NOON))

    assert list(job.rows.order_by("number").values_list("subject_id", "status", "code")) == [
        (one.pk, "pending", ""),
        (two.pk, "pending", ""),
        (three.pk, "refused", "invalid_input"),
        (None, "refused", "repeated_row"),
        (None, "refused", "not_found"),
    ]
    confirm(admin, job.pk, at=NOON)
    work(job)
    one.refresh_from_db()
    two.refresh_from_db()
    assert (one.nickname, two.nickname, two.auto_renew) == ("=Ludwigshafen", "Łódź", True)


def test_the_values_of_now_are_a_file_that_changes_nothing():
    admin, subscriptions = agent(), [active(), buy(nickname="-dash", partner_id=ResellerFactory().pk)]
    content = file_of(list(COLUMNS), *values_now(iter(subscriptions)))
    job = work(plan_file(admin, read_lines(content), reason="", at=NOON))

    assert outcomes(job) == [(RowStatus.SKIPPED, "")] * 2


def test_all_of_a_line_happens_or_nothing_of_it():
    admin, pending = agent(), buy(nickname="Before")
    job = work(plan_file(admin, read_lines(file_of(["id", "nickname", "quantity"], [str(pending.pk), "After", "9"])),
                         reason="", at=NOON))  # fmt: skip

    assert outcomes(job) == [(RowStatus.REFUSED, "not_activated_yet")]
    pending.refresh_from_db()
    assert pending.nickname == "Before"


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"nickname\nx", b"id\n1", b"id,nickname,nickname\n1,a,b", b'id,nickname\n"' + b"x" * 200_000],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content):
    with pytest.raises(FileUnreadable):
        read_lines(content)


@given(st.lists(st.lists(st.text(max_size=12), max_size=6), max_size=8), st.sampled_from([",", ";", "\t"]))
def test_reading_a_file_accounts_for_every_line_and_never_fails(rows, delimiter):
    content = file_of(["id", "nickname", "quantity", "auto_renew", "partner_id"], *rows, delimiter=delimiter)
    try:
        lines = read_lines(content)
    except FileUnreadable:
        return
    text = content.decode("utf-8-sig").replace("\0", "")
    parsed = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[1:]
    assert len(lines) == sum(any(cell.strip() for cell in cells) for cells in parsed)


def test_status_words_of_the_plan_are_those_of_the_hub():
    job = planned(agent(), [buy()], cancel=True)
    row = job.rows.get()
    assert (row.plan["before"], row.plan["after"]) == ({"cancel": Status.PENDING}, {"cancel": Status.UNSUBSCRIBED})


def test_what_people_may_still_undo_is_held_and_the_row_says_until_when():
    admin, subscription = agent(), active()
    job = planned(admin, [subscription], cancel=True)
    confirm(admin, job.pk, phrase=job.phrase, at=NOON)
    job = work(job)

    subscription.refresh_from_db()
    assert (subscription.status, outcomes(job)) == (Status.SUBSCRIBED, [(RowStatus.DONE, "")])
    assert job.rows.get().result == {"held_until": (NOON + timedelta(seconds=60)).isoformat()}
    assert list(subscription.operations.values_list("action", "held_until")) == [
        ("unsubscribe", NOON + timedelta(seconds=60))
    ]
