"""The circuit of a publisher: after failures in a row nobody asks it for a while, then one question tries again.

It lives on the publisher's row, so all workers share it. A publisher that asks for fewer questions is left alone
for as long as it says.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db import transaction

from accounts.policy import Action, Actor, authorize
from partnerhub.outbox.recorder import Fact, Happening, record_many
from publishers.events import CircuitClosed, CircuitOpened
from publishers.fulfillment.gateway import Outcome
from publishers.models import Circuit, Publisher

FAILURES_TO_OPEN = 5
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=5)
# For a publisher that asks for fewer questions and does not say for how long.
SHORTEST_PAUSE = timedelta(seconds=1)
# A healthy publisher's row is written this often at most, however many answers it gives.
NOTED_EVERY = timedelta(seconds=5)

# What says that the publisher is down as a whole; the rest is about one subscription, or about our own access.
FAILURES = frozenset({Outcome.FAILING, Outcome.SILENT})
WELL = frozenset({Outcome.ANSWERED, Outcome.UNKNOWN_THERE})


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one call; `retry_after` is the pause that the publisher asked for."""

    publisher_id: UUID
    outcome: Outcome
    detail: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """A publisher's row as far as its calls write it."""

    circuit: Circuit
    circuit_retry_at: datetime | None
    consecutive_failures: int
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_failure: str
    paced_until: datetime | None

    def after(self, one: Report, *, spread: float, at: datetime) -> "Health":
        """The health after one more call."""
        if one.outcome in FAILURES:
            return self._after_failure(one, spread, at)
        well = one.outcome in WELL
        noted_at = self.last_success_at if well else self.last_failure_at
        if self._is_untroubled and one.outcome != Outcome.THROTTLED and noted_at and noted_at >= at - NOTED_EVERY:
            return self
        answered = replace(self, circuit=Circuit.CLOSED, circuit_retry_at=None, consecutive_failures=0)
        if well:
            return replace(answered, last_success_at=at)
        paced_until = _paused_until(self.paced_until, one, at)
        return replace(answered, last_failure_at=at, last_failure=one.detail[:300], paced_until=paced_until)

    @property
    def _is_untroubled(self) -> bool:
        return self.circuit == Circuit.CLOSED and self.consecutive_failures == 0

    def _after_failure(self, one: Report, spread: float, at: datetime) -> "Health":
        noted = replace(self, last_failure_at=at, last_failure=one.detail[:300])
        if self.circuit == Circuit.OPEN:
            # Questions that were under way when it opened come back failed too, and prove nothing new.
            return noted
        failures = self.consecutive_failures + 1
        if self.circuit == Circuit.CLOSED and failures < FAILURES_TO_OPEN:
            return replace(noted, consecutive_failures=failures)
        pause = min(FIRST_PAUSE * 2 ** min(max(failures - FAILURES_TO_OPEN, 0), 9), LONGEST_PAUSE)
        retry_at = at + spread * pause
        return replace(noted, consecutive_failures=failures, circuit=Circuit.OPEN, circuit_retry_at=retry_at)


_COLUMNS = Health.__slots__


def report(
    actor: Actor,
    publisher_id: UUID,
    outcome: Outcome,
    *,
    detail: str,
    retry_after: timedelta | None = None,
    spread: float = 1.0,
    at: datetime,
) -> Circuit | None:
    """Take in what came of one call, as `report_all` does many. Returns the circuit when this call has changed it.

    Raises NotPermitted.
    """
    return report_all(actor, [Report(publisher_id, outcome, detail, retry_after)], spread=spread, at=at).get(
        publisher_id
    )


@transaction.atomic
def report_all(actor: Actor, reports: Iterable[Report], *, spread: float = 1.0, at: datetime) -> dict[UUID, Circuit]:
    """Take in what came of calls, in their order; the circuits that have changed by them, by publisher.

    FAILURES_TO_OPEN failures in a row open a circuit for FIRST_PAUSE; a failed trial doubles the pause, up to
    LONGEST_PAUSE; any answer closes it. `spread` multiplies the pause (jitter). Who asks for fewer questions is asked
    nothing for as long as it says, from SHORTEST_PAUSE to LONGEST_PAUSE. Raises NotPermitted.
    """
    authorize(actor, Action.SUBSCRIPTION_CONFIRM)
    by_publisher: dict[UUID, list[Report]] = defaultdict(list)
    for one in reports:
        by_publisher[one.publisher_id].append(one)
    news = _news(_read(by_publisher, lock=False), by_publisher, spread, at)
    # Most of the time there is none, and no row is locked. Where there is, what counts is the row as it is then.
    return _write(actor, _read(news, lock=True), by_publisher, spread, at) if news else {}


def _read(publisher_ids: Iterable[UUID], *, lock: bool) -> dict[UUID, Health]:
    rows = Publisher.objects.filter(pk__in=list(publisher_ids)).order_by("pk")
    found = (rows.select_for_update() if lock else rows).values_list("pk", *_COLUMNS)
    return {row[0]: Health(Circuit(row[1]), *row[2:]) for row in found}


def _news(
    before: Mapping[UUID, Health], reports: Mapping[UUID, Sequence[Report]], spread: float, at: datetime
) -> dict[UUID, list[Health]]:
    """Each health that a publisher goes through, from the present one on; without those that stay as they are."""
    ways = {}
    for key, health in before.items():
        way = [health]
        for one in reports[key]:
            way.append(way[-1].after(one, spread=spread, at=at))
        if any(step != health for step in way):
            ways[key] = way
    return ways


def _write(
    actor: Actor,
    locked: Mapping[UUID, Health],
    reports: Mapping[UUID, Sequence[Report]],
    spread: float,
    at: datetime,
) -> dict[UUID, Circuit]:
    changed, happenings = {}, []
    for key, way in _news(locked, reports, spread, at).items():
        before, after = way[0], way[-1]
        Publisher.objects.filter(pk=key).update(**{name: getattr(after, name) for name in _COLUMNS})
        happenings += [Happening(fact, at) for fact in _facts(key, way)]
        if after.circuit != before.circuit:
            changed[key] = after.circuit
    record_many(happenings, actor=actor)
    return changed


def _facts(publisher_id: UUID, way: Sequence[Health]) -> Iterable[Fact]:
    """What to tell of a way through healths: each opening of a closed circuit, and each closing."""
    for before, after in pairwise(way):
        if before.circuit == after.circuit:
            continue
        if after.circuit == Circuit.CLOSED:
            yield CircuitClosed(publisher_id)
        elif before.circuit == Circuit.CLOSED:
            retry_at = after.circuit_retry_at.isoformat() if after.circuit_retry_at else None
            failures, detail = after.consecutive_failures, after.last_failure
            yield CircuitOpened(publisher_id, {"failures": failures, "retry_at": retry_at, "detail": detail})


def _paused_until(paced_until: datetime | None, one: Report, at: datetime) -> datetime | None:
    if one.outcome != Outcome.THROTTLED:
        return paced_until
    pause = min(max(one.retry_after or SHORTEST_PAUSE, SHORTEST_PAUSE), LONGEST_PAUSE)
    return max(paced_until or at, at + pause)
