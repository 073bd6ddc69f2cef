"""Prometheus's text format, made from a snapshot at each scrape: no global registry, no state.

To be imported late: it takes a tenth of the server's start.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from mms_server.metrics.snapshot import ModelSnapshot

_COUNTERS = {
    "received": "Requests to this model",
    "refused": "Requests refused before they were queued; received = refused + accepted",
    "accepted": "Requests taken in; accepted = answered + abandoned + pending",
    "answered": "Requests that got their answer, errors included",
    "abandoned": "Requests whose client left before the answer",
    "expired": "Answered requests that waited longer than the queue timeout and were not run",
    "retried": "Requests run again, alone, after the batch they were in killed its worker",
    "requeued": "Requests taken back, not begun, from a worker that died",
}
_GAUGES = {
    "pending": "Accepted requests that are not answered yet, counted one by one",
    "queued": "Pending requests that have not begun",
    "workers_target": "Workers that there should be, at least",
    "workers_wanted": "Workers that there should be now",
    "workers_limit": "Workers that there may be, at most",
}


class _Collector:
    def __init__(self, models: Iterable[ModelSnapshot]) -> None:
        self._models = list(models)

    def collect(self) -> Iterable[Metric]:
        labels = ["model", "version"]
        for key, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"mms_requests_{key}", text, labels=labels)
            for model in self._models:
                counter.add_metric([model.name, model.version], model.values[key])
            yield counter
        for key, text in _GAUGES.items():
            name = f"mms_{key}" if key.startswith("workers") else f"mms_requests_{key}"
            gauge = GaugeMetricFamily(name, text, labels=labels)
            for model in self._models:
                gauge.add_metric([model.name, model.version], model.values[key])
            yield gauge
        yield self._workers(labels)
        yield self._restarts(labels)
        yield self._scalings(labels)

    def _workers(self, labels: list[str]) -> Metric:
        workers = GaugeMetricFamily("mms_workers", "Workers by state", labels=[*labels, "state"])
        for model in self._models:
            for state, count in model.workers.items():
                workers.add_metric([model.name, model.version, state], count)
        return workers

    def _restarts(self, labels: list[str]) -> Metric:
        restarts = CounterMetricFamily(
            "mms_worker_restarts",
            "Workers started again after a death or a failed load",
            labels=labels,
        )
        for model in self._models:
            restarts.add_metric([model.name, model.version], model.restarts)
        return restarts

    def _scalings(self, labels: list[str]) -> Metric:
        scalings = CounterMetricFamily(
            "mms_scalings",
            "Changes of a model's number of workers for its load",
            labels=[*labels, "direction"],
        )
        for model in self._models:
            for direction, count in model.scalings.items():
                scalings.add_metric([model.name, model.version, direction], count)
        return scalings


def render(models: Iterable[ModelSnapshot]) -> bytes:
    """Render the text format, version 0.0.4 (Prometheus docs, "Exposition formats")."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(models))
    return generate_latest(registry)
