"""The pages of jobs and bulk changes over Django's client: what they show, to whom, and what they refuse."""

import csv
import html
import io
import re
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from accounts.policy import Role
from partnerhub.jobs.enums import JobStatus
from partnerhub.jobs.models import Job
from partnerhub.outbox.models import Refusal
from partnerhub.web.export import BYTE_ORDER_MARK
from subscriptions.models import Subscription
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.jobs import planned, work
from tests.factories.subscriptions import NOON, active, buy

pytestmark = pytest.mark.django_db
BULK = "/subscriptions/bulk/"


@pytest.fixture(autouse=True)
def _at_noon():
    with time_machine.travel(NOON, tick=False):
        yield


class Agent(Client):
    """An agent at a browser without scripts."""

    def __init__(self, *roles: Role) -> None:
        super().__init__()
        self.user: User = UserFactory(active_role=roles[0], roles=list(roles))
        self.force_login(self.user)

    def plan(self, *subscriptions: Subscription, **given: str) -> Job:
        response = self.post(BULK, {"ids": [str(one.pk) for one in subscriptions], **given})
        assert response.status_code == 302, response.content.decode()
        return work(Job.objects.get(pk=response.headers["Location"].split("/")[2]))

    def decide(self, job: Job, act: str, **given: str):
        return self.post(reverse(f"jobs:{act}", args=[job.pk]), given)


@pytest.fixture
def admin() -> Agent:
    return Agent(Role.ADMIN_AGENT)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


def page(job: Job) -> str:
    return reverse("jobs:job", args=[job.pk])


def test_every_page_wants_a_signed_in_agent():
    job = planned(Agent(Role.ADMIN_AGENT).user.actor(), [buy()], nickname="New")
    pages = [BULK, f"{BULK}values.csv", "/jobs/", page(job), f"{page(job)}progress/", f"{page(job)}rows.csv"]

    assert [Client().get(each).headers["Location"] for each in pages] == [
        f"/accounts/sign-in/?next={quote(each)}" for each in pages
    ]


def test_from_the_list_to_the_results(admin):
    pending, running = buy(nickname="Pending one"), active(nickname="Running one")

    asked = text_of(admin.get(BULK, {"ids": [str(pending.pk), str(running.pk)], "action": "quantity"}))
    assert "2 subscriptions are selected." in asked
    job = admin.plan(pending, running, action="quantity", quantity="9", reason="Growth")
    plan = text_of(admin.get(page(job)))
    for words in (
        "1 can be done · 1 refused",
        "quantity can be changed once it is active. not_activated_yet",
        "before: 7 after: 9",
        "charged today",
        "Change 1 subscription",
    ):
        assert words in plan
    assert Subscription.objects.get(pk=running.pk).operations.count() == 0

    assert admin.decide(job, "confirm").headers["Location"] == page(job)
    work(job)
    results = text_of(admin.get(page(job)))
    assert "Finished 1 done · 1 refused" in results
    assert "Sent to the publisher, who decides." in results
    assert list(running.operations.values_list("action", "payload__after__quantity")) == [("change_quantity", 9)]
    assert f'href="/subscriptions/{running.pk}/"' in admin.get(page(job)).content.decode()


def test_all_that_match_means_the_filter_and_outdoes_the_ticked_ones(admin):
    ticked, other = buy(nickname="Alpha"), buy(nickname="Beta")
    response = admin.post(BULK, {"ids": [str(ticked.pk)], "matching": "q=Beta", "action": "nickname", "nickname": "N"})

    job = Job.objects.get(pk=response.headers["Location"].split("/")[2])
    assert list(job.rows.values_list("subject_id", flat=True)) == [other.pk]


def test_nothing_selected_and_a_missing_value_are_told_where_they_were_typed(admin):
    nothing = admin.post(BULK, {"action": "nickname", "nickname": "New"})
    missing = admin.post(BULK, {"ids": [str(buy().pk)], "action": "cancel"})

    assert (nothing.status_code, missing.status_code) == (422, 422)
    assert "Nothing was selected." in text_of(nothing)
    assert "This field is required." in text_of(missing)
    assert Job.objects.count() == 0


@pytest.mark.parametrize("role", [Role.SALES_AGENT, Role.OPS_AGENT, Role.PLATFORM_ADMIN])
def test_who_may_not_is_told_why_and_who_can(role):
    agent, subscription = Agent(role), buy()

    shown = agent.get(BULK, {"ids": [str(subscription.pk)], "action": "nickname"})
    assert 'aria-disabled="true"' in shown.content.decode()
    assert "may not do this. Who can: Admin agent" in text_of(shown)
    refused = agent.post(BULK, {"ids": [str(subscription.pk)], "action": "nickname", "nickname": "New"})

    assert refused.status_code == 403
    assert Job.objects.count() == 0
    assert list(Refusal.objects.values_list("code", "actor_role")) == [("not_permitted", role)]


def test_cancelling_wants_the_name_typed_and_keeps_what_was_typed(admin):
    subscription = buy()
    job = admin.plan(subscription, action="cancel", reason="Over")

    wrong = admin.decide(job, "confirm", phrase="nobody")
    assert wrong.status_code == 422
    assert f"To confirm, type exactly: {subscription.customer.name}" in text_of(wrong)
    assert 'value="nobody"' in wrong.content.decode()
    job.refresh_from_db()
    assert job.status == JobStatus.PLANNED

    assert admin.decide(job, "confirm", phrase=subscription.customer.name).status_code == 302
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING


def test_many_are_cancelled_only_by_who_proved_lately_who_they_are(admin, settings):
    settings.HUB_CONFIRM_MINUTES = 15
    job = admin.plan(buy(), action="cancel", reason="Over")
    harmless = admin.plan(buy(), action="nickname", nickname="New")
    assert admin.decide(harmless, "confirm").headers["Location"] == page(harmless)

    for act in ("confirm", "resume", "retry"):
        path = f"{page(job)}{act}/"
        asked = admin.decide(job, act, phrase=job.phrase)
        assert asked.headers["Location"] == f"/accounts/confirm/?{urlencode({'next': path})}"
        job.refresh_from_db()
        assert job.status == JobStatus.PLANNED

    assert admin.decide(job, "confirm", phrase=job.phrase).status_code == 302
    admin.post("/accounts/confirm/", {"next": f"{page(job)}confirm/", "password": PASSWORD})
    job.refresh_from_db()
    assert job.status == JobStatus.RUNNING


def test_jobs_of_others_are_not_there_but_for_who_oversees_them(admin):
    job = admin.plan(buy(), action="nickname", nickname="New")
    stranger, overseer = Agent(Role.ADMIN_AGENT), Agent(Role.PLATFORM_ADMIN)

    for path in (page(job), f"{page(job)}progress/", f"{page(job)}rows.csv"):
        assert [each.get(path).status_code for each in (stranger, overseer, admin)] == [404, 200, 200]
    for act in ("confirm", "pause", "resume", "stop", "retry", "again", "discard"):
        assert stranger.decide(job, act).status_code == 404
    assert overseer.decide(job, "confirm").status_code == 404
    assert ("Change the nickname" in text_of(stranger.get("/jobs/"))) is False
    assert admin.user.name in text_of(overseer.get("/jobs/"))
    job.refresh_from_db()
    assert job.status == JobStatus.PLANNED


def test_pausing_going_on_and_stopping(admin):
    job = admin.plan(buy(), action="nickname", nickname="New")
    admin.decide(job, "confirm")
    seen = []
    for act in ("pause", "resume", "stop"):
        assert admin.decide(job, act).status_code == 302
        job.refresh_from_db()
        seen.append(job.status)

    assert seen == [JobStatus.PAUSED, JobStatus.RUNNING, JobStatus.STOPPED]
    late = admin.decide(job, "pause")
    assert (late.status_code, "has moved on since you looked" in text_of(late)) == (409, True)
    assert "1 left undone" in text_of(admin.get(page(job)))
    again = admin.decide(job, "again")

    assert Job.objects.get(pk=again.headers["Location"].split("/")[2]).rows.count() == 1


def test_a_discarded_plan_is_gone(admin):
    job = admin.plan(buy(), action="nickname", nickname="New")

    assert admin.decide(job, "discard").headers["Location"] == "/jobs/"
    assert (Job.objects.count(), admin.get(page(job)).status_code) == (0, 404)


def test_progress_answers_304_until_something_changed_and_stops_asking_when_it_is_over(admin):
    job = admin.plan(buy(), action="nickname", nickname="New")
    admin.decide(job, "confirm")
    path = f"{page(job)}progress/"
    running = admin.get(path).content.decode()
    etag = re.search(r'If-None-Match": "\\"(\w+)', running)[1]

    assert 'hx-trigger="every 1s"' in running
    assert admin.get(path, headers={"If-None-Match": f'"{etag}"'}).status_code == 304
    work(job)
    over = admin.get(path, headers={"If-None-Match": f'"{etag}"'})
    assert (over.status_code, "hx-trigger" in over.content.decode()) == (200, False)
    assert "1 done" in over.headers["HX-Trigger"]


def test_plan_and_results_leave_as_csv(admin):
    subscription = buy(nickname="=Alpha")
    job = admin.plan(subscription, action="nickname", nickname="Beta")
    content = b"".join(admin.get(f"{page(job)}rows.csv").streaming_content).decode()

    rows = list(csv.reader(io.StringIO(content.removeprefix(BYTE_ORDER_MARK))))
    assert rows[1] == [
        "1", str(subscription.pk), "'=Alpha", subscription.customer.name, "Nickname", "'=Alpha", "Beta", "To do", "",
        "", "",
    ]  # fmt: skip


def test_a_file_goes_out_and_comes_back_in(admin):
    subscription = buy(nickname="Alpha")
    out = b"".join(admin.get(f"{BULK}values.csv", {"ids": str(subscription.pk)}).streaming_content)
    back = SimpleUploadedFile("changes.csv", out.replace(b"Alpha", b"Omega"), content_type="text/csv")
    response = admin.post(f"{BULK}file/", {"file": back, "reason": "Tidy"})

    job = Job.objects.get(pk=response.headers["Location"].split("/")[2])
    assert [row.plan["after"] for row in job.rows.all()] == [{"nickname": "Omega"}]
    broken = admin.post(f"{BULK}file/", {"file": SimpleUploadedFile("x.csv", b"a,b\n1,2")})
    assert (broken.status_code, "The first line must name the columns" in text_of(broken)) == (422, True)


def test_pages_ask_the_database_as_often_for_more_rows(admin):
    def asked(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert admin.get(path).status_code == 200
        return len(captured)

    one = admin.plan(buy(), action="nickname", nickname="New")
    asked(page(one))
    before = [asked(page(one)), asked("/jobs/")]
    three = admin.plan(buy(), buy(), buy(), action="nickname", nickname="New")

    assert [asked(page(three)), asked("/jobs/")] == before


def test_a_job_that_is_nobodys_is_not_there(admin):
    assert admin.get(f"/jobs/{uuid4()}/").status_code == 404
