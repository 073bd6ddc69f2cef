"""`OPTIONS /` and `/api-description`: what a listener serves, as Multi Model Server describes it.

Structure, defaults (strings) and the `runtime` enum are those of MMS 1.1.11, wrong in places, and
kept for the clients that read them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mms_server.api.answers import answer_bytes, encode_json
from mms_server.api.openapi.model_document import ERROR_SCHEMA
from mms_server.errors import MethodNotAllowedError
from mms_server.http.connection import Exchange
from mms_server.http.request import Request
from mms_server.http.response import standard_phrase
from mms_server.http.router import ANY, Endpoint, Router

_Json = dict[str, object]
_FIELDS = b"content-type: application/json\r\n"
_PATH: _Json = {
    "in": "path",
    "name": "model_name",
    "required": True,
    "schema": {"type": "string"},
}
_WAIT = {"synchronous": "false", "timeout": "-1"}
_PREDICT = (200, 404, 500, 503)


def listener_document(*, inference: bool, management: bool) -> _Json:
    """Describe a listener; inference comes first where it serves both."""
    paths: _Json = {"/": {"options": _operation("apiDescription", (200, 500))}}
    if inference:
        paths |= _inference_paths()
    paths["/api-description"] = {
        "get": _operation("apiDescription", (200, 500)) | {"deprecated": True}
    }
    if management:
        paths |= _management_paths()
    info = {
        "title": "Model Server APIs",
        "description": "Serves predictions of trained models, and manages them",
        "version": "1.0.0",
    }
    return {"openapi": "3.0.1", "info": info, "paths": paths}


def add_routes(router: Router, ids: Iterator[bytes], *, inference: bool, management: bool) -> None:
    """Add both routes; the document is rendered once."""
    body = [encode_json(listener_document(inference=inference, management=management))]

    def serve(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        answer_bytes(exchange, next(ids), 200, _FIELDS, body)

    def refuse(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        raise MethodNotAllowedError

    router.add(b"OPTIONS", "/", Endpoint(serve))
    router.add(ANY, "/api-description", Endpoint(serve))
    router.add(ANY, "/api-description/**", Endpoint(refuse, refuse))


def _inference_paths() -> _Json:
    predict = _operation("predict", _PREDICT, _PATH)
    name = _query("model_name")
    properties = {"data": {"type": "string", "format": "binary"}, "model_name": {"type": "string"}}
    form = {"type": "object", "required": ["data"], "properties": properties}
    body = {"content": {"multipart/form-data": {"schema": form}}}
    statuses = (200, 400, 404, 500, 503)
    invoke = _operation("invocations", statuses, name) | {"requestBody": body}
    return {
        "/{model_name}/predict": {"post": predict | {"deprecated": True}},
        "/ping": {"get": _operation("ping", (200, 500))},
        "/predictions/{model_name}": {
            "post": _operation("predictions", _PREDICT, _PATH),
            "options": _operation("predictionsApi", (200,), _PATH),
        },
        "/invocations": {"post": invoke},
        "/models/{model_name}/invoke": {"post": invoke},
    }


def _management_paths() -> _Json:
    pages = [_query("limit", "100"), _query("next_page_token"), _query("model_name_pattern")]
    registering = [
        _query("model_url") | {"required": True},
        _query("model_name"),
        _query("handler"),
        _query("runtime", enum=["PYTHON", "PYTHON2", "PYTHON3"]),
        *_queries({"batch_size": "1", "max_batch_delay": "100", "response_timeout": "2"}),
        *_queries({"initial_workers": "0", "synchronous": "false", "preload_model": "false"}),
    ]
    scaling = _queries({"min_worker": "1", "max_worker": "1", "number_gpu": "0"} | _WAIT)
    accepted = (200, 202, 210, 400, 404)
    return {
        "/models": {
            "get": _operation("listModels", (200, 500), *pages),
            "post": _operation("registerModel", (*accepted, 409, 500), *registering),
        },
        "/models/{model_name}": {
            "get": _operation("describeModel", (200, 500), _PATH),
            "put": _operation("setAutoScale", (*accepted, 500), _PATH, *scaling),
            "delete": _operation(
                "unregisterModel", (200, 202, 404, 408, 500), _PATH, *_queries(_WAIT)
            ),
        },
    }


def _operation(name: str, statuses: tuple[int, ...], *parameters: _Json) -> _Json:
    responses = {str(status): _response(status) for status in statuses}
    return {"operationId": name, "parameters": list(parameters), "responses": responses}


def _response(status: int) -> _Json:
    described: _Json = {"description": standard_phrase(status)}
    if status >= 400:
        described["content"] = {"application/json": {"schema": ERROR_SCHEMA}}
    return described


def _query(name: str, default: str | None = None, enum: list[str] | None = None) -> _Json:
    schema: _Json = {"type": "string"}
    if default is not None:
        schema["default"] = default
    if enum is not None:
        schema["enum"] = enum
    return {"in": "query", "name": name, "schema": schema}


def _queries(defaults: dict[str, str]) -> list[_Json]:
    return [_query(name, default) for name, default in defaults.items()]
