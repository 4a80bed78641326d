"""Counters for Prometheus, of one server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from beatlens._version import __version__

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ANALYSIS_S: Final = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)


class Metrics:
    """What is counted; names begin with ``beatlens_``."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "beatlens_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.request_s = Histogram(
            "beatlens_request_seconds", "Time to answer.", ("route",), buckets=_REQUEST_S, registry=self.registry
        )
        self.analyses = Counter("beatlens_analyses", "Analyses that ended.", ("outcome",), registry=self.registry)
        self.analysis_s = Histogram(
            "beatlens_analysis_seconds", "Time of an analysis.", buckets=_ANALYSIS_S, registry=self.registry
        )
        self.explanations = Counter("beatlens_explanations", "Explanations given.", registry=self.registry)
        self.streamed = Counter("beatlens_streamed_beats", "Beats of WebSocket streams.", registry=self.registry)
        Gauge("beatlens_info", "The server's version.", ("version",), registry=self.registry).labels(__version__).set(1)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a number that is looked up when it is asked for."""
        Gauge(f"beatlens_{name}", text, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
