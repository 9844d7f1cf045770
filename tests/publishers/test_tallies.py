from datetime import UTC, datetime, timedelta, timezone

import pytest

from publishers.fulfillment.gateway import Outcome
from publishers.models import CallKind, CallTally
from publishers.services.tallies import Call, tally
from tests.factories.publishers import PublisherFactory

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 12, 59, 59, tzinfo=UTC)


def test_calls_add_up_by_publisher_hour_kind_and_outcome():
    publisher, other = PublisherFactory(), PublisherFactory()
    asked = [Call(publisher.pk, CallKind.ASK, Outcome.ANSWERED, seconds) for seconds in (0.25, 1.5)]

    tally([*asked, Call(publisher.pk, CallKind.NOTICE, Outcome.SILENT, 10)], AT)
    tally([*asked, Call(other.pk, CallKind.ASK, Outcome.ANSWERED, 0)], AT.astimezone(timezone(timedelta(hours=2))))
    tally(asked[:1], AT + timedelta(seconds=1))
    tally([], AT)

    hour = datetime(2026, 11, 23, 12, tzinfo=UTC)
    rows = CallTally.objects.order_by("publisher__name", "hour", "kind")
    counted = [(row.publisher, row.hour, row.kind, row.outcome, row.calls) for row in rows]
    assert counted == [
        (publisher, hour, "ask", "answered", 4),
        (publisher, hour, "notice", "silent", 1),
        (publisher, hour + timedelta(hours=1), "ask", "answered", 1),
        (other, hour, "ask", "answered", 1),
    ]
    times = [(row.milliseconds, row.slowest_milliseconds) for row in rows]
    assert times == [(3500, 1500), (10000, 10000), (250, 250), (0, 0)]
