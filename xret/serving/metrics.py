"""Counters for Prometheus, in a registry of their own: two servers in one process do not meet."""

from __future__ import annotations

from typing import Any

from xret.errors import require

__all__ = ["Metrics"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """What happened, by endpoint and system; never by query."""

    def __init__(self) -> None:
        """All at zero."""
        self._library: Any = require("prometheus_client", extra="serve", purpose="/metrics")
        made = self._library
        self.registry = made.CollectorRegistry()
        made.ProcessCollector(registry=self.registry)
        made.GCCollector(registry=self.registry)
        given = {"registry": self.registry}
        self.requests = made.Counter("xret_requests", "Requests answered.", ["endpoint", "status"], **given)
        self.seconds = made.Histogram("xret_request_seconds", "Time to answer.", ["endpoint"], buckets=SECONDS, **given)
        self.refused = made.Counter("xret_refused", "Requests refused, by why.", ["error"], **given)
        self.active = made.Gauge("xret_active_requests", "Requests worked on or waiting.", **given)
        self.batch = made.Histogram("xret_batch_queries", "Queries answered together.", buckets=SIZES, **given)
        self.queued = made.Gauge("xret_queued_queries", "Queries that wait for a batch.", **given)
        self.compute = made.Histogram(
            "xret_compute_seconds", "Time of one batch, by step.", ["step"], buckets=SECONDS, **given
        )
        self.rows = made.Gauge("xret_index_rows", "Documents that can be found.", ["system"], **given)
        self.swaps = made.Counter("xret_swaps", "Indexes opened anew, or not.", ["system", "outcome"], **given)

    def text(self) -> tuple[bytes, str]:
        """All of it in Prometheus's format, and the content type."""
        return self._library.generate_latest(self.registry), self._library.CONTENT_TYPE_LATEST
