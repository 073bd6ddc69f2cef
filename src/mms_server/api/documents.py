"""What a listener says of itself, in Multi Model Server's words and in OpenAPI's.

Few clients ask: a document is written, and what writes it imported, for the first that does. To do
that at the start took 10 ms of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from mms_server.api.answers import JSON_FIELDS, answer_bytes, encode_json
from mms_server.errors import MethodNotAllowedError
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request
from mms_server.http.router import ANY, Endpoint, Handler, Router


def add_routes(router: Router, ids: Iterator[bytes], *, inference: bool, management: bool) -> None:
    """Add `OPTIONS /`, `/api-description` and `/openapi.json`."""

    def describe_as_mms_does() -> object:
        from mms_server.api.openapi.listener_document import listener_document

        return listener_document(inference=inference, management=management)

    def describe_routes() -> object:
        from mms_server.api.openapi.document import make_document

        return make_document(router)

    def refuse(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        raise MethodNotAllowedError

    of_mms = _server_of(describe_as_mms_does, ids)
    router.add(b"OPTIONS", "/", Endpoint(of_mms))
    router.add(ANY, "/api-description", Endpoint(of_mms))
    router.add(ANY, "/api-description/**", Endpoint(refuse, refuse))
    router.add(b"GET", "/openapi.json", Endpoint(_server_of(describe_routes, ids)))


def _server_of(describe: Callable[[], object], ids: Iterator[bytes]) -> Handler:
    written = functools.cache(lambda: encode_json(describe()))

    def serve(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        answer_bytes(exchange, next(ids), 200, JSON_FIELDS, [written()])

    return serve
