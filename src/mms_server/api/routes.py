"""The routes of a listener: which dialects it speaks, and in which order their routes are tried."""

from __future__ import annotations

from collections.abc import Iterator

from mms_server.api import documents, health, metrics, sagemaker
from mms_server.api.guard import Guard
from mms_server.api.inference import Inference, add_not_found
from mms_server.api.management import Management
from mms_server.config.schema import Settings
from mms_server.http.router import Router
from mms_server.serving.registry import Registry


def make_router(
    registry: Registry,
    ids: Iterator[bytes],
    settings: Settings,
    *,
    is_inference: bool,
    guard: Guard | None,
) -> Router:
    """Make the router of a listener: inference, management where there is a guard, or both."""
    router = Router()
    health.add_routes(router, registry, ids)
    documents.add_routes(router, ids, inference=is_inference, management=guard is not None)
    if guard is not None:
        drain_s = min(settings.stop_timeout, settings.unregister_model_timeout)
        management = Management(registry, ids, settings.default_workers_per_model, drain_s)
        management.add_routes(router, guard)
        metrics.add_routes(router, registry, ids, guard)
    if is_inference:
        add_not_found(router)
        sagemaker.add_routes(router, registry, ids, settings.max_request_size)
        Inference(registry, ids, settings.max_request_size).add_routes(router)
    return router
