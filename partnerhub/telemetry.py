"""Traces by OpenTelemetry: an optional extra (`otel`), imported only where an address for them is given."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Status, StatusCode

from partnerhub.tracing import Tell, Value, trace_with

_correlation: ContextVar[str] = ContextVar("correlation", default="")


def start_tracing(process: str) -> TracerProvider:
    """Send spans by OTLP over HTTP; where to, and how many, say OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_…,
    OTEL_TRACES_SAMPLER). Sending runs beside the work and never fails it.
    """
    resource = Resource.create({"service.name": f"partner-hub-{process}"})
    provider = TracerProvider(resource=resource, id_generator=CorrelatedIds())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace_with(OpenTelemetry(provider))
    return provider


def trace_id_of(correlation_id: str) -> int:
    """The trace that a correlation id belongs to: a UUID's own number, so that one finds the other; else a hash."""
    try:
        number = UUID(correlation_id).int
    except ValueError:
        number = int.from_bytes(hashlib.sha256(correlation_id.encode()).digest()[:16])
    return number or 1


class CorrelatedIds(RandomIdGenerator):
    """Gives what has the same correlation id the same trace, in whichever process: nothing has to be handed on."""

    def generate_trace_id(self) -> int:
        correlation_id = _correlation.get()
        return trace_id_of(correlation_id) if correlation_id else super().generate_trace_id()


class OpenTelemetry:
    """A tracer that tells of an error only its kind: its text may hold what must not leave the hub."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("partnerhub")

    @contextmanager
    def span(self, name: str, correlation_id: str, facts: Mapping[str, Value]) -> Iterator[Tell]:
        before = _correlation.set(correlation_id)
        told: dict[str, Any] = dict(facts)
        if correlation_id:
            told["correlation_id"] = correlation_id
        try:
            with self._tracer.start_as_current_span(
                name, attributes=told, record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    yield lambda later: span.set_attributes(dict(later))
                except BaseException as error:
                    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                    raise
        finally:
            _correlation.reset(before)
