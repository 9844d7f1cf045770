"""How a publisher does: its circuit, its calls, what waits for it, and how it kept its word."""

from datetime import datetime, timedelta
from typing import TypedDict

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import caller
from partnerhub.api.schema import operation
from partnerhub.api.shapes import Utc, guid, utc_or_none
from partnerhub.api.views import OwnResource
from partnerhub.clock import now
from publishers.api.examples import HEALTH
from publishers.api.health import PublisherHealth, health
from publishers.calls import DAY, HOUR, WEEK, Calls, calls_of
from publishers.models import CallKind, Publisher
from publishers.selectors import publisher_for
from publishers.services.secrets import last_end
from subscriptions.api import grants
from subscriptions.backlog import Backlog, backlogs
from subscriptions.scoreboard import Score, recent_scores

PERIODS = {HOUR: "PT1H", DAY: "P1D", WEEK: "P7D"}


class CallFigures(TypedDict):
    """Calls of a kind (ask, change, notice) in the last hour, day or week, counted by full hours."""

    kind: str
    period: str
    calls: int
    succeeded: int
    meanMilliseconds: int | None
    slowestMilliseconds: int | None


class BacklogShown(TypedDict):
    """What waits now: questions whose time has come, changes under way, divergences that are open."""

    duePolls: int
    oldestDue: Utc | None
    operations: int
    divergences: int


class Activation(TypedDict):
    """Orders of the last 180 days: how long half, and nine of ten, took from purchase to activation (null: never)."""

    orders: int
    medianSeconds: int | None
    ninetiethPercentileSeconds: int | None
    stuck: int
    changes: int
    changesFailed: int
    changesAcceptedBySilence: int


class PublisherHealthFigures(PublisherHealth):
    """`circuit` closed: asked as usual; open: not asked until `retryAt`; half_open: one question goes through.

    `secretEndsAt` is when its last secret ends. `activation` is null while there are too few orders to tell.
    """

    calls: list[CallFigures]
    backlog: BacklogShown
    secretEndsAt: Utc | None
    activation: Activation | None


EXAMPLE = PublisherHealthFigures(
    **HEALTH,
    calls=[CallFigures(kind="ask", period="PT1H", calls=12, succeeded=12, meanMilliseconds=41, slowestMilliseconds=90)],
    backlog=BacklogShown(duePolls=0, oldestDue=None, operations=1, divergences=0),
    secretEndsAt="2027-06-01T00:00:00Z",
    activation=Activation(
        orders=40,
        medianSeconds=900,
        ninetiethPercentileSeconds=5400,
        stuck=1,
        changes=6,
        changesFailed=0,
        changesAcceptedBySilence=1,
    ),
)


class PublisherHealthById(OwnResource):
    @operation(
        "getPublisherHealth",
        "Whether a publisher answers, and how it does",
        PublisherHealthFigures,
        about="`circuit` says whether it is asked at all; the figures are those of the page.",
        roles=grants.PUBLISHER_READERS,
        refusals=grants.READING,
        answer=EXAMPLE,
    )
    def get(self, request: Request, publisher_id: str) -> Response:
        publisher = publisher_for(caller(request), guid(publisher_id, "publisher"))
        return Response(figures(publisher, now()))


def figures(publisher: Publisher, at: datetime) -> PublisherHealthFigures:
    calls = calls_of([publisher.pk], at)[publisher.pk]
    return PublisherHealthFigures(
        **health(publisher),
        calls=[_calls(kind, period, one) for (kind, period), one in sorted(calls.items())],
        backlog=_backlog(backlogs([publisher.pk], at)[publisher.pk]),
        secretEndsAt=utc_or_none(last_end(publisher)),
        activation=_activation(recent_scores([publisher.pk], at).get(publisher.pk, Score())),
    )


def _calls(kind: CallKind, period: timedelta, calls: Calls) -> CallFigures:
    return CallFigures(
        kind=kind.value,
        period=PERIODS[period],
        calls=calls.calls,
        succeeded=calls.well,
        meanMilliseconds=calls.mean_milliseconds,
        slowestMilliseconds=calls.slowest_milliseconds if calls.calls else None,
    )


def _backlog(waiting: Backlog) -> BacklogShown:
    return BacklogShown(
        duePolls=waiting.due_polls,
        oldestDue=utc_or_none(waiting.oldest_due),
        operations=waiting.operations,
        divergences=waiting.divergences,
    )


def _activation(score: Score) -> Activation | None:
    if not score.is_telling:
        return None
    return Activation(
        orders=score.orders,
        medianSeconds=_seconds(score.median),
        ninetiethPercentileSeconds=_seconds(score.ninth_of_ten),
        stuck=score.stuck,
        changes=score.changes,
        changesFailed=score.failed,
        changesAcceptedBySilence=score.silent,
    )


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())
