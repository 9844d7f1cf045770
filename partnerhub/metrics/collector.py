"""`/metrics` for Prometheus: what the database knows of the work at hand, read at each scrape.

Every web process answers alike, because nothing is counted in memory. docs/observability.md lists what there is.
"""

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from partnerhub.clock import now
from partnerhub.metrics.business import business_families
from partnerhub.metrics.families import Families, gauge
from partnerhub.metrics.publishers import publisher_families
from partnerhub.metrics.queues import queue_families
from partnerhub.web.context import VERSION


class HubCollector(Collector):
    """All families at one moment (UTC)."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def collect(self) -> Families:
        build = gauge("hub_build_info", "1, labelled with the hub's version", "version")
        build.add_metric([VERSION], 1)
        yield build
        yield from publisher_families(self.at)
        yield from queue_families(self.at)
        yield from business_families(self.at)


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    registry = CollectorRegistry()
    registry.register(HubCollector(now()))
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
