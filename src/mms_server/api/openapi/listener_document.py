"""`OPTIONS /` and `/api-description`: what a listener serves, as Multi Model Server describes it.

Structure, defaults (strings) and the `runtime` enum are those of MMS 1.1.11, wrong in places, and
kept for the clients that read them. So is what a model's description promises and none has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mms_server.api.openapi.model_document import ERROR_SCHEMA
from mms_server.http.response import standard_phrase

_Json = dict[str, object]


class _Query(NamedTuple):
    """One parameter of a query."""

    name: str
    type: str = "string"
    default: str | None = None
    is_required: bool = False
    choices: tuple[str, ...] = ()

    def parameter(self) -> _Json:
        schema: _Json = {"type": self.type}
        if self.default is not None:
            schema["default"] = self.default
        if self.choices:
            schema["enum"] = self.choices
        return {"in": "query", "name": self.name, "required": self.is_required, "schema": schema}


def _object(required: str, **properties: object) -> _Json:
    """Make the schema of an object; a word in place of a property's schema is its type."""
    schemas = {
        name: {"type": each} if isinstance(each, str) else each for name, each in properties.items()
    }
    return {"type": "object", "required": required.split(), "properties": schemas}


_PATH: _Json = {
    "in": "path",
    "name": "model_name",
    "required": True,
    "schema": {"type": "string"},
}
_STATUS_OF_SERVER = _object("status", status="string")
_DOCUMENT = _object("openapi info paths", openapi="string", info="object", paths="object")
_BYTES: _Json = {"type": "string", "format": "binary"}
_FORM: _Json = {
    "required": ["data"],
    "properties": {"model_name": {"type": "string"}, "data": _BYTES},
}
_MODELS = _object(
    "models",
    nextPageToken="string",
    models={
        "type": "array",
        "items": _object("modelName modelUrl", modelName="string", modelUrl="string"),
    },
)
_WORKER = _object(
    "id startTime status",
    id="string",
    startTime="string",
    gpu="boolean",
    status={"type": "string", "enum": ["READY", "LOADING", "UNLOADING"]},
)
_MODEL = _object(
    "modelName modelVersion modelUrl minWorkers maxWorkers status workers metrics",
    modelName="string",
    modelVersion="string",
    modelUrl="string",
    minWorkers="integer",
    maxWorkers="integer",
    batchSize="integer",
    maxBatchDelay="integer",
    status="string",
    workers={"type": "array", "items": _WORKER},
    metrics=_object(
        "rejectedRequests waitingQueueSize requests",
        rejectedRequests="integer",
        waitingQueueSize="integer",
        requests="integer",
    ),
)
_REGISTERING = (
    _Query("model_url", is_required=True),
    _Query("model_name"),
    _Query("handler"),
    _Query("runtime", choices=("PYTHON", "PYTHON2", "PYTHON3")),
    _Query("batch_size", "integer", "1"),
    _Query("max_batch_delay", "integer", "100"),
    _Query("response_timeout", "integer", "2"),
    _Query("initial_workers", "integer", "0"),
    _Query("synchronous", "boolean", "false"),
    _Query("preload_model", "boolean", "false"),
)
_SCALING = (
    _Query("min_worker", "integer", "1"),
    _Query("max_worker", "integer", "1"),
    _Query("number_gpu", "integer", "0"),
)
_WAIT = (_Query("synchronous", "boolean", "false"), _Query("timeout", "integer", "-1"))
_PREDICT = (200, 404, 500, 503)


def listener_document(*, inference: bool, management: bool) -> _Json:
    """Describe a listener; inference comes first where it serves both."""
    describe = _operation("apiDescription", (200, 500), answer=_json(_DOCUMENT))
    paths: _Json = {"/": {"options": describe}}
    if inference:
        paths |= _inference_paths(describe | {"deprecated": True})
    if management:
        paths |= _management_paths()
    info = {
        "title": "Model Server APIs",
        "description": "Serves predictions of trained models, and manages them",
        "version": "1.0.0",
    }
    return {"openapi": "3.0.1", "info": info, "paths": paths}


def _inference_paths(describe: _Json) -> _Json:
    raw: _Json = {"*/*": {"schema": _BYTES}}
    predict = _operation("predict", _PREDICT, _PATH, answer=raw, body=raw)
    predictions = _operation("predictions", _PREDICT, _PATH, answer=raw, body=raw)
    invoke = _operation(
        "invocations",
        (200, 400, 404, 500, 503),
        _Query("model_name").parameter(),
        answer={"*/*": {"schema": _FORM}},
        body={"multipart/form-data": {"schema": _FORM}},
    )
    ping = _operation("ping", (200, 500), answer=_json(_STATUS_OF_SERVER))
    options = _operation("predictionsApi", (200,), _PATH, answer=_json({"type": "object"}))
    return {
        "/{model_name}/predict": {"post": predict | {"deprecated": True}},
        "/ping": {"get": ping},
        "/predictions/{model_name}": {"post": predictions, "options": options},
        "/api-description": {"get": describe},
        "/invocations": {"post": invoke},
        "/models/{model_name}/invoke": {"post": invoke},
    }


def _management_paths() -> _Json:
    pages = (
        _Query("limit", "integer", "100"),
        _Query("next_page_token"),
        _Query("model_name_pattern"),
    )
    done = _json(_STATUS_OF_SERVER)
    accepted = (200, 202, 210, 400, 404)
    models = _operation("listModels", (200, 500), *_parameters(pages), answer=_json(_MODELS))
    register = _operation(
        "registerModel", (*accepted, 409, 500), *_parameters(_REGISTERING), answer=done
    )
    describe = _operation("describeModel", (200, 500), _PATH, answer=_json(_MODEL))
    scale = _operation(
        "setAutoScale", (*accepted, 500), _PATH, *_parameters(_SCALING + _WAIT), answer=done
    )
    unregister = _operation(
        "unregisterModel", (200, 202, 404, 408, 500), _PATH, *_parameters(_WAIT), answer=done
    )
    return {
        "/models": {"get": models, "post": register},
        "/models/{model_name}": {"get": describe, "put": scale, "delete": unregister},
    }


def _operation(
    name: str,
    statuses: tuple[int, ...],
    *parameters: _Json,
    answer: _Json,
    body: _Json | None = None,
) -> _Json:
    responses: _Json = {}
    for status in statuses:
        content = answer if status < 400 else _json(ERROR_SCHEMA)
        responses[str(status)] = {"description": standard_phrase(status), "content": content}
    operation: _Json = {"operationId": name, "parameters": list(parameters)}
    if body is not None:
        operation["requestBody"] = {"content": body, "required": True}
    return operation | {"responses": responses}


def _json(schema: Mapping[str, object]) -> _Json:
    return {"application/json": {"schema": schema}}


def _parameters(queries: tuple[_Query, ...]) -> list[_Json]:
    return [query.parameter() for query in queries]
