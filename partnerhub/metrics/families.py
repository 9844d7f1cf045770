"""What all families of metrics are made with."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from prometheus_client.core import GaugeMetricFamily, Metric

Families = Iterator[Metric]


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """A family to be filled by `add_metric`; it is told of even without a sample."""
    return GaugeMetricFamily(name, text, labels=labels)


def single(name: str, text: str, value: float) -> GaugeMetricFamily:
    """A family of one value without labels."""
    return GaugeMetricFamily(name, text, value)


def counted(rows: QuerySet[Any], field: str) -> dict[Any, int]:
    """How many rows there are for each value of a field, in one query."""
    return dict(rows.order_by().values_list(field).annotate(count=Count("pk")))


def age(moment: datetime | None, at: datetime) -> float:
    """Seconds since a moment, 0 for none and for one that is still ahead."""
    return max(0.0, (at - moment).total_seconds()) if moment else 0.0
