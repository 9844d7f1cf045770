"""What waits at each publisher: questions that are due, changes under way, divergences that are open."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Min

from subscriptions.models import Divergence, Operation, PollSchedule
from subscriptions.models.operation import IN_FLIGHT, OURS_ALONE


@dataclass(slots=True)
class Backlog:
    """`due_polls` are questions whose time has come, the first of them at `oldest_due`."""

    due_polls: int = 0
    oldest_due: datetime | None = None
    operations: int = 0
    divergences: int = 0


def backlogs(publisher_ids: Collection[UUID], at: datetime) -> dict[UUID, Backlog]:
    """The backlog of each of these publishers, in three queries."""
    found = {publisher_id: Backlog() for publisher_id in publisher_ids}
    due = PollSchedule.objects.filter(publisher__in=publisher_ids, next_poll_at__lte=at).values("publisher")
    for row in due.annotate(due=Count("pk"), oldest=Min("next_poll_at")):
        found[row["publisher"]].due_polls, found[row["publisher"]].oldest_due = row["due"], row["oldest"]
    changes = Operation.objects.filter(status__in=IN_FLIGHT, subscription__publisher__in=publisher_ids)
    told = changes.exclude(action__in=OURS_ALONE).values("subscription__publisher")
    for change in told.annotate(waiting=Count("pk")):
        found[change["subscription__publisher"]].operations = change["waiting"]
    open_ones = Divergence.objects.filter(publisher__in=publisher_ids, ended_at=None).values("publisher")
    for divergence in open_ones.annotate(open=Count("pk")):
        found[divergence["publisher"]].divergences = divergence["open"]
    return found
