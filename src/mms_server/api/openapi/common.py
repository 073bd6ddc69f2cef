"""What is said of the routes of `health`, `sagemaker`, `metrics` and of the documents."""

from __future__ import annotations

from mms_server.api.openapi.operation import Answer, Description, Json, Operation
from mms_server.http.router import ANY
from mms_server.metrics.snapshot import CONTENT_TYPE

_HEALTH: Json = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"enum": ["Healthy", "Partial Healthy", "Unhealthy"]}},
}
_EXECUTION: Json = {
    "type": "object",
    "required": ["MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"],
    "properties": {
        "MaxConcurrentTransforms": {"type": "integer", "minimum": 0},
        "BatchStrategy": {"const": "MULTI_RECORD"},
        "MaxPayloadInMB": {"type": "integer", "minimum": 0},
    },
}

_PING = Operation(
    "ping",
    "Say whether the models can answer: ready workers compared with those that there should be",
    "health",
    {200: Answer("How the models are, well or not", _HEALTH)},
)
_EXECUTION_PARAMETERS = Operation(
    "executionParameters",
    "Say how an Amazon SageMaker batch transform job may call",
    "health",
    {200: Answer("How many requests at a time, and how large", _EXECUTION)},
)
_METRICS = Operation(
    "metrics",
    "Show the books of every model, and its workers, to Prometheus",
    "health",
    {200: Answer("Prometheus's text format", {"type": "string"}, CONTENT_TYPE)},
)
_DOCUMENT: Json = {"type": "object", "required": ["openapi", "info", "paths"]}
_OPENAPI = Operation(
    "openapi",
    "Describe this listener as it is",
    "documents",
    {200: Answer("This document", _DOCUMENT)},
)


def _legacy(name: str, *, is_deprecated: bool) -> Operation:
    return Operation(
        name,
        "Describe this listener as Multi Model Server does, wrong in places",
        "documents",
        {200: Answer("An OpenAPI 3.0 document", _DOCUMENT)},
        is_deprecated=is_deprecated,
    )


DESCRIPTION = Description(
    {
        "/": {b"OPTIONS": _legacy("describeListener", is_deprecated=False)},
        "/openapi.json": {b"GET": _OPENAPI},
        "/api-description": {ANY: _legacy("apiDescription", is_deprecated=True)},
        "/ping/**": {ANY: _PING},
        "/execution-parameters": {ANY: _EXECUTION_PARAMETERS},
        "/metrics": {b"GET": _METRICS},
    }
)
