"""`GET /metrics` on the management listener: the books and the workers, for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mms_server.api.answers import answer_bytes
from mms_server.api.guard import Guard
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request
from mms_server.http.router import Endpoint, Router
from mms_server.metrics.snapshot import CONTENT_TYPE, ModelSnapshot
from mms_server.serving.model import Model
from mms_server.serving.registry import Registry
from mms_server.workers.worker import State

_FIELDS = b"content-type: %s\r\n" % CONTENT_TYPE.encode()


def add_routes(router: Router, registry: Registry, ids: Iterator[bytes], guard: Guard) -> None:
    """Add `/metrics`."""

    def scrape(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        # Late, but not for the first time here: the server has imported it after its start.
        from mms_server.metrics.exposition import render

        text = render(_snapshot(model) for model in registry.models())
        answer_bytes(exchange, next(ids), 200, _FIELDS, [text])

    router.add(b"GET", "/metrics", guard.protect(Endpoint(scrape)))


def _snapshot(model: Model) -> ModelSnapshot:
    books = model.dispatcher.accounting
    states = Counter(worker.state for worker in model.pool.workers)
    return ModelSnapshot(
        name=model.name,
        version=model.version,
        values={
            "received": books.received,
            "refused": books.refused,
            "accepted": books.accepted,
            "answered": books.answered,
            "abandoned": books.abandoned,
            "expired": books.expired,
            "retried": books.retried,
            "requeued": books.requeued,
            "pending": model.dispatcher.count_pending(),
            "queued": model.dispatcher.queued_jobs,
            "workers_target": model.pool.target.min_workers,
            "workers_wanted": model.pool.target.wanted,
            "workers_limit": model.pool.target.max_workers,
        },
        workers={state.value: states[state] for state in State},
        restarts=model.pool.restarts,
        scalings={"up": model.autoscaler.rises, "down": model.autoscaler.falls},
    )
