"""Jobs of tests: planned and worked with the same calls as the tasks make, at a time of the test's own."""

from datetime import datetime

from accounts.models import User
from accounts.policy import Actor, Role
from partnerhub.jobs.models import Job
from partnerhub.jobs.working import Worker
from subscriptions.bulk import plan_selected
from subscriptions.models import Subscription
from tests.factories.accounts import UserFactory
from tests.factories.subscriptions import NOON


def agent(role: Role = Role.ADMIN_AGENT) -> Actor:
    """Somebody who stands in the table of people: a job asks there again before each row."""
    user: User = UserFactory(active_role=role)
    return user.actor()


def work(job: Job, at: datetime = NOON, seconds: float = 60) -> Job:
    """Work the rows of a job until none is open; returns the fresh job."""
    Worker(seconds, job.pk, clock=lambda: at).run()
    return Job.objects.get(pk=job.pk)


def planned(by: Actor, subscriptions: list[Subscription], at: datetime = NOON, reason: str = "Because", **asked) -> Job:
    """A planned job that asks the same of each."""
    job = plan_selected(by, [one.pk for one in subscriptions], None, asked, reason=reason, at=at)
    return work(job, at)


def outcomes(job: Job) -> list[tuple[str, str]]:
    """Status and code of each row."""
    return list(job.rows.order_by("number").values_list("status", "code"))
