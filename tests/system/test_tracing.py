"""Traces and error reports as they leave the hub: what belongs together is one trace, and no secret goes out."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import pytest
import sentry_sdk
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sentry_sdk.transport import Transport

from partnerhub.reporting import report_errors
from partnerhub.telemetry import start_tracing, trace_id_of
from partnerhub.tracing import trace_with
from publishers.fulfillment.calling import Caller
from subscriptions.operations import claim
from subscriptions.services.quantity import change_quantity
from tests.factories.accounts import Role, actor
from tests.factories.subscriptions import NOON, active

SECRET = "s3cr3t-of-a-link"


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self, sent: list[str]) -> None:
        super().__init__()
        self.sent = sent

    def capture_envelope(self, envelope) -> None:
        self.sent.append(json.dumps([item.payload.json for item in envelope.items]))


@contextmanager
def listener():
    """A server that keeps the bodies posted to it by path; anything else is answered, too."""
    bodies: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        server.server_close()


async def call_publisher(url: str, correlation_id: str) -> None:
    caller = Caller(allow_private=True)
    try:
        await caller.send(
            "GET", f"{url}/api?token={SECRET}", SECRET, {"request_id": "r", "correlation_id": correlation_id}
        )
    finally:
        await caller.close()


@pytest.mark.django_db
def test_page_event_and_call_to_the_publisher_are_one_trace_by_the_correlation_id(client, monkeypatch):
    correlation_id = str(uuid4())
    with listener() as (url, bodies):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        provider = start_tracing("test")
        try:
            client.get(f"/accounts/sign-in/?token={SECRET}", headers={"MS-CorrelationId": correlation_id})
            client.get("/health/live", headers={"MS-CorrelationId": correlation_id})
            with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
                active()
            with ThreadPoolExecutor(1) as outside_of_the_transaction:
                outside_of_the_transaction.submit(asyncio.run, call_publisher(url, correlation_id)).result()
            provider.force_flush()
        finally:
            trace_with(None)
            provider.shutdown()

    sent = [body for path, body in bodies if path == "/v1/traces"]
    spans = [
        span
        for body in sent
        for of_process in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in of_process.scope_spans
        for span in scope.spans
    ]
    facts = [(span.name, {one.key: one.value for one in span.attributes}) for span in spans]
    assert {span.trace_id.hex() for span in spans} == {correlation_id.replace("-", "")}
    assert {name for name, _told in facts} == {"request", "deliver", "call publisher"}
    assert [told["route"].string_value for name, told in facts if name == "request"] == ["accounts/sign-in/"]
    assert [told["status"].int_value for name, told in facts if name == "call publisher"] == [200]
    assert SECRET.encode() not in b"".join(sent)


def test_an_id_that_is_no_uuid_has_a_trace_of_its_own():
    assert trace_id_of("order-17") == trace_id_of("order-17") != trace_id_of("order-18")


@pytest.mark.django_db
def test_the_call_about_a_change_carries_the_correlation_id_of_who_asked_for_it():
    subscription = active()
    with structlog.contextvars.bound_contextvars(correlation_id="from-the-page"):
        change_quantity(actor(Role.ADMIN_AGENT), subscription.pk, quantity=20, version=None, at=NOON)
    assert [one.correlation_id for one in claim(NOON, 10)] == ["from-the-page"]


def test_an_error_is_reported_without_what_must_not_leave_the_hub():
    sent: list[str] = []
    report_errors(
        "http://key@127.0.0.1:1/1", process="web", environment="test", default_integrations=False,
        transport=Kept(sent),
    )  # fmt: skip
    try:
        with sentry_sdk.new_scope() as scope:
            scope.add_breadcrumb(message=f"GET /go?token={SECRET}")
            scope.add_event_processor(lambda event, _hint: event | {"request": {
                "url": f"https://hub/c/{SECRET}", "query_string": SECRET, "data": {"a": SECRET},
                "headers": {"Authorization": SECRET, "User-Agent": "x"},
            }})  # fmt: skip
            try:
                local = SECRET
                raise RuntimeError(f"at https://vendor.example/?token={local}")
            except RuntimeError as error:
                sentry_sdk.capture_exception(error)
        sentry_sdk.flush()
    finally:
        sentry_sdk.init()

    [report] = sent
    assert "RuntimeError" in report
    assert SECRET not in report
