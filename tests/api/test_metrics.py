"""What Prometheus is told: complete, documented name by name, and no dearer with more to tell."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from billing.models import BillingRun
from partnerhub.clock import now
from partnerhub.hooks.models import Attempt, Delivery, Registration
from partnerhub.mail.models import Message
from partnerhub.outbox.models import Delivery as Duty
from partnerhub.outbox.models import Heartbeat
from publishers.fulfillment.gateway import Outcome
from publishers.models import CallKind, Circuit, Publisher
from publishers.services.tallies import Call, tally
from subscriptions.models import PollSchedule
from tests.api.conftest import LATER
from tests.factories.accounts import ClientFactory
from tests.factories.subscriptions import active, buy

pytestmark = pytest.mark.django_db

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "observability.md"


def scraped(client) -> dict:
    response = client.get("/metrics")
    families = text_string_to_metric_families(response.content.decode())
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def told_by(client) -> set[str]:
    return set(re.findall(r"^# TYPE (hub_\w+) ", client.get("/metrics").content.decode(), re.MULTILINE))


def troubled(name: str = "Northwind") -> Publisher:
    """A publisher with a purchase that is due, a failed call, a mail and a webhook that wait, and an open circuit."""
    at = now()
    bought = buy()
    Publisher.objects.filter(pk=bought.publisher_id).update(circuit=Circuit.OPEN, circuit_retry_at=at)
    PollSchedule.objects.filter(subscription=bought).update(next_poll_at=at - timedelta(seconds=90))
    Duty.objects.filter(delivered_at=None).update(attempts=1)
    tally([Call(bought.publisher_id, CallKind.ASK, Outcome.FAILING, 0.25)] * 2, at)
    return bought.publisher


def waiting_for_programs(key: str) -> None:
    at = now()
    Message.objects.create(
        key=key, recipient="a@example.com", language="en", subject="x", body=b"x", created_at=at - timedelta(minutes=2),
        next_attempt_at=at,
    )  # fmt: skip
    client = ClientFactory()
    hook = Registration.objects.create(client=client, url="https://p.example", events=["x"], created_at=at)
    told = Delivery.objects.create(
        registration=hook, event_name="x", body="{}", created_at=at - timedelta(minutes=3), next_attempt_at=at,
        attempts=1,
    )  # fmt: skip
    Attempt.objects.create(delivery=told, at=at, http_status=500, milliseconds=300)


def test_metrics_tell_the_work_at_hand(client):
    name = troubled().name
    waiting_for_programs("a:1")
    active()
    Heartbeat.objects.create(name="scheduler", at=now() - timedelta(seconds=5))
    BillingRun.objects.create(month=LATER.date().replace(day=1), started_at=LATER - timedelta(hours=2), failures=[{}])

    samples = scraped(client)

    expected = {
        ("hub_pending_subscriptions", name): 1,
        ("hub_polls_due", name): 1,
        ("hub_polls_delay_seconds", name): 90,
        ("hub_polls_under_way", name): 0,
        ("hub_publisher_circuit", name, "open"): 1,
        ("hub_publisher_circuit", name, "closed"): 0,
        ("hub_publisher_call_seconds_count", name, "ask", "failing"): 2,
        ("hub_publisher_call_seconds_sum", name, "ask", "failing"): 0.5,
        ("hub_subscriptions", "subscribed"): 1,
        ("hub_attention_items", "publisher_down"): 1,
        ("hub_charges_recent", "new"): 1,
        ("hub_hooks", "retrying"): 1,
        ("hub_hooks_lag_seconds",): 180,
        ("hub_hook_recent_attempts", "refused"): 1,
        ("hub_hook_recent_seconds", "refused"): 0.3,
        ("hub_mails", "waiting"): 1,
        ("hub_mails_lag_seconds",): 120,
        ("hub_heartbeat_age_seconds", "scheduler"): 5,
        ("hub_billing_run_finished",): 0,
        ("hub_billing_run_age_seconds",): 7200,
        ("hub_billing_run_failures",): 1,
        ("hub_outbox_lag_seconds", "billing.handlers"): 0,
    }
    assert {key: samples.get(key) for key in expected} == expected


def test_the_document_names_what_is_told_and_nothing_else(client):
    table = re.findall(r"^\| `(hub_\w+)`", DOCUMENT.read_text(), re.MULTILINE)
    assert sorted(table) == sorted(told_by(client))


def test_more_publishers_and_more_waiting_cost_no_more_queries(client):
    troubled()
    waiting_for_programs("a:1")
    with CaptureQueriesContext(connection) as one:
        scraped(client)
    for number in range(2):
        troubled()
        waiting_for_programs(f"b:{number}")
    with CaptureQueriesContext(connection) as three:
        scraped(client)
    assert Publisher.objects.count() == 3
    assert len(three) == len(one)
