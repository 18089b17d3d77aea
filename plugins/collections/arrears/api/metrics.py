"""Prometheus metrics of the API: requests, refusals, what was grabbed, and how full the pools are. No ids in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from arrears.desk.views import PoolView

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Set before this module is imported, it makes all processes that have it count into one folder."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "arrears_api_requests",
            "Requests answered, by route and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "arrears_api_request_seconds",
            "Time from the first byte of a request to the answer.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.refusals = Counter(
            "arrears_api_refusals", "Requests that were not carried out, by rule.", ("rule",), registry=self._registry
        )
        self.grabbed = Counter(
            "arrears_api_grabbed_cases", "Cases given by grabs, by queue.", ("queue",), registry=self._registry
        )

    def render(self, pools: Iterable[PoolView]) -> bytes:
        """All metrics as Prometheus reads them: the counts of all processes, and the pools as they are now."""
        registry = self._registry
        if os.environ.get(FOLDER_VARIABLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        now = CollectorRegistry()
        now.register(_Pools(pools))
        return generate_latest(registry) + generate_latest(now)


class _Pools(Collector):
    def __init__(self, pools: Iterable[PoolView]) -> None:
        self._pools = tuple(pools)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        cases = GaugeMetricFamily("arrears_pool_cases", "Cases in the grab pool.", labels=("queue",))
        leased = GaugeMetricFamily("arrears_leased_cases", "Grabbed cases whose lease runs.", labels=("queue",))
        for pool in self._pools:
            cases.add_metric((pool.queue,), pool.cases)
            leased.add_metric((pool.queue,), pool.leased)
        yield cases
        yield leased
