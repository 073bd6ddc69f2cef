"""`/ping`: whether the models can answer."""

from __future__ import annotations

from collections.abc import Iterator

from mms_server.api.answers import answer_json
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request
from mms_server.http.router import ANY, Endpoint, Router
from mms_server.serving.registry import Registry


def health_of(registry: Registry) -> str:
    """Compare the workers that are ready with those that there should be, over all models.

    A worker that is loading, restarting or hanging in its load is not ready.
    """
    wanted = ready = 0
    for model in registry.models():
        minimum = model.pool.target.min_workers
        wanted += minimum
        ready += min(minimum, model.pool.ready_workers)
    if ready == wanted:
        return "Healthy"
    return "Partial Healthy" if ready else "Unhealthy"


def add_routes(router: Router, registry: Registry, ids: Iterator[bytes]) -> None:
    """Add `/ping`, always 200, as in Multi Model Server: the body tells."""

    def ping(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        answer_json(exchange, next(ids), 200, {"status": health_of(registry)})

    router.add(ANY, "/ping/**", Endpoint(ping))
