"""Working jobs off: each row once, whoever dies, whoever shares, whatever happens meanwhile."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from accounts.models import User
from accounts.policy import Role
from partnerhub.errors import JobMovedOn, NotFound, NothingSelected, PhraseMismatch, TooManyRows
from partnerhub.jobs import services
from partnerhub.jobs.enums import JobStatus, RowStatus
from partnerhub.jobs.models import Job, JobRow
from partnerhub.jobs.services import Order, Wanted, confirm, create_job, pause, resume, retry_failed, stop
from partnerhub.jobs.working import LEASE, MOST_ATTEMPTS, TRY_AGAIN, Worker, claim, work
from partnerhub.outbox.models import Event
from subscriptions.bulk import BULK
from subscriptions.models import Subscription
from tests.factories.jobs import agent, outcomes, planned
from tests.factories.jobs import work as work_off
from tests.factories.subscriptions import NOON, buy

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=1)


def bought(n: int) -> list[Subscription]:
    first = buy()
    return [first, *(buy(customer=first.customer, term=first.plan_term) for _ in range(n - 1))]


def renamed(subscription: Subscription) -> int:
    return Event.objects.filter(stream_id=subscription.pk, name="subscription.renamed").count()


def job_events(job: Job) -> list[str]:
    return list(Event.objects.filter(stream_id=job.pk).order_by("sequence").values_list("name", flat=True))


def test_a_plan_changes_nothing_and_a_confirmed_job_changes_each_once():
    admin, subscriptions = agent(), bought(3)
    job = planned(admin, subscriptions, nickname="Head office")

    assert (job.status, outcomes(job)) == (JobStatus.PLANNED, [(RowStatus.PENDING, "")] * 3)
    assert [renamed(one) for one in subscriptions] == [0, 0, 0]
    assert job_events(job) == []

    confirm(admin, job.pk, at=NOON)
    job = work_off(job)

    assert (job.status, outcomes(job)) == (JobStatus.FINISHED, [(RowStatus.DONE, "")] * 3)
    assert [renamed(one) for one in subscriptions] == [1, 1, 1]
    assert set(Subscription.objects.values_list("nickname", flat=True)) == {"Head office"}
    assert job_events(job) == ["job.confirmed", "job.finished"]
    event = Event.objects.filter(name="subscription.renamed").first()
    assert (event.actor_id, event.actor_role, event.correlation_id) == (admin.id, Role.ADMIN_AGENT, str(job.pk))


def test_what_is_not_confirmed_is_never_worked():
    job = planned(agent(), bought(2), nickname="Head office")

    assert claim(LATER) == []
    assert outcomes(work_off(job, LATER)) == [(RowStatus.PENDING, "")] * 2


def test_a_row_of_which_workers_die_is_worked_alone_then_fails_and_the_others_are_done():
    admin, subscriptions = agent(), bought(3)
    job = confirm(admin, planned(admin, subscriptions, nickname="New").pk, at=NOON)
    assert len(claim(NOON)) == 3  # and its worker dies

    at = NOON + LEASE
    alone = [claim(at) for _ in subscriptions]
    assert [len(claims) for claims in alone] == [1, 1, 1]
    for [claimed] in (alone[0], alone[2]):
        work(claimed, at=at)
    [again] = claim(at + LEASE)  # and its worker dies
    job = work_off(job, at + 2 * LEASE)

    assert [again.row_id] == [claimed.row_id for claimed in alone[1]]
    assert outcomes(job) == [(RowStatus.DONE, ""), (RowStatus.FAILED, "row_failed"), (RowStatus.DONE, "")]
    assert JobRow.objects.get(pk=again.row_id).values == {"error": "WorkerLost"}
    assert sorted(renamed(one) for one in subscriptions) == [0, 1, 1]


def test_a_worker_that_dies_after_claiming_leaves_rows_that_are_worked_once_later():
    admin, subscriptions = agent(), bought(3)
    job = confirm(admin, planned(admin, subscriptions, nickname="New").pk, at=NOON)
    dead = claim(NOON)
    work(dead[0], at=NOON)

    assert claim(NOON + LEASE - timedelta(seconds=1)) == []
    job = work_off(job, NOON + LEASE)
    for row in dead:  # it comes back to life: its lease is gone
        work(row, at=NOON + LEASE)

    assert outcomes(job) == [(RowStatus.DONE, "")] * 3
    assert [renamed(one) for one in subscriptions] == [1, 1, 1]


@pytest.mark.parametrize("line", ["service", "mark"])
def test_a_death_within_a_row_undoes_it_whole(line, monkeypatch):
    """The process ends between any two lines of a row: what it had written is rolled back with its transaction."""
    admin, (subscription,) = agent(), bought(1)
    job = confirm(admin, planned(admin, [subscription], nickname="New").pk, at=NOON)
    owner, name = {"service": (BULK, "apply"), "mark": (JobRow, "save")}[line]
    original = getattr(owner, name)

    def dies(*args, **kwargs):
        original(*args, **kwargs)
        raise KeyboardInterrupt

    claimed = claim(NOON)[0]
    monkeypatch.setattr(owner, name, dies)
    with pytest.raises(KeyboardInterrupt):
        work(claimed, at=NOON)
    monkeypatch.undo()

    assert (renamed(subscription), outcomes(job)) == (0, [(RowStatus.RUNNING, "")])
    assert outcomes(work_off(job, NOON + LEASE)) == [(RowStatus.DONE, "")]
    assert renamed(subscription) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_a_job():
    admin, subscriptions = agent(), bought(30)
    job = confirm(admin, planned(admin, subscriptions, nickname="New").pk, at=NOON)
    together, counts = threading.Barrier(2), []

    def share():
        together.wait(10)
        try:
            counts.append(Worker(60, job.pk, clock=lambda: NOON).run())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=share) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    job.refresh_from_db()
    assert (job.status, sum(counts)) == (JobStatus.FINISHED, 30)
    assert outcomes(job) == [(RowStatus.DONE, "")] * 30
    assert [renamed(one) for one in subscriptions] == [1] * 30
    assert job_events(job) == ["job.confirmed", "job.finished"]


def test_a_paused_job_begins_no_row_and_goes_on_where_it_stood():
    admin, subscriptions = agent(), bought(3)
    job = confirm(admin, planned(admin, subscriptions, nickname="New").pk, at=NOON)
    claims = claim(NOON, limit=2)
    work(claims[0], at=NOON)
    pause(admin, job.pk, at=NOON)
    work(claims[1], at=NOON)

    assert outcomes(job) == [(RowStatus.DONE, ""), (RowStatus.PENDING, ""), (RowStatus.PENDING, "")]
    assert claim(LATER) == []

    resume(admin, job.pk, at=LATER)
    assert outcomes(work_off(job, LATER)) == [(RowStatus.DONE, "")] * 3
    assert [renamed(one) for one in subscriptions] == [1, 1, 1]
    assert job_events(job) == ["job.confirmed", "job.paused", "job.resumed", "job.finished"]


def test_a_stopped_job_leaves_the_rest_undone_and_can_be_planned_again():
    admin, subscriptions = agent(), bought(3)
    job = confirm(admin, planned(admin, subscriptions, nickname="New").pk, at=NOON)
    work(claim(NOON, limit=1)[0], at=NOON)
    stop(admin, job.pk, at=NOON)

    assert outcomes(work_off(job, LATER)) == [(RowStatus.DONE, ""), (RowStatus.PENDING, ""), (RowStatus.PENDING, "")]
    for decide in (pause, resume, stop, retry_failed):
        with pytest.raises(JobMovedOn):
            decide(admin, job.pk, at=LATER)

    rest = work_off(services.plan_again(admin, job.pk, at=LATER), LATER)
    assert list(rest.rows.order_by("number").values_list("subject_id", flat=True)) == [
        row.subject_id for row in job.rows.filter(status=RowStatus.PENDING).order_by("number")
    ]
    confirm(admin, rest.pk, at=LATER)
    work_off(rest, LATER)
    assert [renamed(one) for one in subscriptions] == [1, 1, 1]


def test_a_person_who_lost_the_role_or_left_stops_the_job_with_the_reason():
    for lose in (
        lambda user: user.roles_held.all().delete(),
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    ):
        admin, subscriptions = agent(), bought(2)
        job = confirm(admin, planned(admin, subscriptions, nickname="New").pk, at=NOON)
        work(claim(NOON, limit=1, job_id=job.pk)[0], at=NOON)
        lose(User.objects.get(pk=admin.id))

        job = work_off(job)

        assert (job.status, job.stop_code) == (JobStatus.STOPPED, "actor_lost")
        assert job.stop_values == {"name": admin.label, "role": "admin_agent"}
        assert outcomes(job) == [(RowStatus.DONE, ""), (RowStatus.PENDING, "")]
        assert sum(renamed(one) for one in subscriptions) == 1


def test_a_failure_of_our_own_is_tried_again_then_kept_and_retried_by_hand(monkeypatch):
    admin, subscriptions = agent(), bought(2)
    job = confirm(admin, planned(admin, subscriptions, nickname="New").pk, at=NOON)
    broken = subscriptions[0].pk
    original = BULK.apply

    def fails(actor, row, *, at):
        if row.subject_id == broken:
            raise ZeroDivisionError
        return original(actor, row, at=at)

    monkeypatch.setattr(BULK, "apply", fails)
    for attempt in range(MOST_ATTEMPTS):
        job = work_off(job, NOON + attempt * TRY_AGAIN)

    assert job.status == JobStatus.FINISHED
    assert {row.subject_id: (row.status, row.code, row.values) for row in job.rows.all()} == {
        broken: (RowStatus.FAILED, "row_failed", {"error": "ZeroDivisionError"}),
        subscriptions[1].pk: (RowStatus.DONE, "", {}),
    }
    monkeypatch.undo()
    retry_failed(admin, job.pk, at=LATER)
    assert outcomes(work_off(job, LATER)) == [(RowStatus.DONE, "")] * 2
    assert [renamed(one) for one in subscriptions] == [1, 1]


def test_jobs_take_turns():
    admin = agent()
    long = confirm(admin, planned(admin, bought(3), nickname="Long").pk, at=NOON)
    short = confirm(admin, planned(admin, bought(1), nickname="Short").pk, at=NOON)

    assert [claimed.job_id for claimed in claim(NOON, limit=2)] == [long.pk, short.pk]


def test_only_its_own_agent_confirms_and_strangers_do_not_see_it():
    job, stranger, overseer = planned(agent(), bought(1), nickname="New"), agent(), agent(Role.PLATFORM_ADMIN)

    for other in (stranger, overseer):
        with pytest.raises(NotFound):
            confirm(other, job.pk, at=NOON)
    job.refresh_from_db()
    assert (job.status, job_events(job)) == (JobStatus.PLANNED, [])


def test_who_oversees_jobs_may_stop_one_in_his_own_name():
    admin, overseer = agent(), agent(Role.PLATFORM_ADMIN)
    job = confirm(admin, planned(admin, bought(1), nickname="New").pk, at=NOON)

    assert stop(overseer, job.pk, at=NOON).status == JobStatus.STOPPED
    assert list(Event.objects.filter(stream_id=job.pk).order_by("sequence").values_list("name", "actor_id")) == [
        ("job.confirmed", admin.id),
        ("job.stopped", overseer.id),
    ]


def test_the_phrase_of_a_plan_must_be_typed():
    admin, subscriptions = agent(), bought(2)
    job = planned(admin, subscriptions, cancel=True)
    assert job.phrase == subscriptions[0].customer.name

    for typed in ("", "yes", job.phrase.lower()):
        with pytest.raises(PhraseMismatch):
            confirm(admin, job.pk, phrase=typed, at=NOON)
    job.refresh_from_db()
    assert (job.status, job_events(job)) == (JobStatus.PLANNED, [])

    assert confirm(admin, job.pk, phrase=f" {job.phrase} ", at=NOON).status == JobStatus.RUNNING
    assert confirm(admin, job.pk, phrase="", at=LATER).confirmed_at == NOON


def test_a_job_takes_no_more_than_its_limit_and_not_nothing(monkeypatch):
    monkeypatch.setattr(services, "MOST_ROWS", 2)
    admin = agent()
    for rows, refusal in ((3, TooManyRows), (0, NothingSelected)):
        wanted = [Wanted(None, str(n), {"nickname": "New"}) for n in range(rows)]
        with pytest.raises(refusal):
            create_job(admin, Order(BULK, {"acts": ["nickname"]}, wanted), at=NOON)
    assert Job.objects.count() == 0


def test_old_plans_are_forgotten_and_confirmed_jobs_are_not():
    admin = agent()
    planned(admin, bought(1), nickname="Never")
    kept = confirm(admin, planned(admin, bought(1), nickname="New").pk, at=NOON)

    assert services.forget_plans(at=NOON + services.PLAN_KEPT - timedelta(seconds=1)) == 0
    assert services.forget_plans(at=NOON + services.PLAN_KEPT) == 1
    assert list(Job.objects.all()) == [kept]
