"""What Amazon SageMaker asks besides `/ping` and `/invocations`: how a batch job may call."""

from __future__ import annotations

from collections.abc import Iterator

from mms_server.api.answers import answer_json
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request
from mms_server.http.router import ANY, Endpoint, Router
from mms_server.serving.registry import Registry

_MIB = 1024 * 1024


def add_routes(
    router: Router, registry: Registry, ids: Iterator[bytes], max_request_bytes: int
) -> None:
    """Add `/execution-parameters`, as Multi Model Server's SageMaker plugin answers it.

    A batch transform job reads from it how many requests it may send at a time and how large
    (Amazon SageMaker developer guide, "Use your own inference code with batch transform").
    """

    def parameters(request: Request, exchange: Exchange, path: tuple[str, ...]) -> None:
        workers = sum(model.pool.target.min_workers for model in registry.models())
        document = {
            "MaxConcurrentTransforms": workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": max_request_bytes // _MIB,
        }
        answer_json(exchange, next(ids), 200, document)

    router.add(ANY, "/execution-parameters", Endpoint(parameters))
