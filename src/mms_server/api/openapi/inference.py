"""What is said of the routes of `mms_server.api.inference`."""

from __future__ import annotations

from mms_server.api.openapi.operation import (
    JSON,
    Answer,
    Description,
    Json,
    Operation,
    query_parameter,
)
from mms_server.errors import (
    ModelNotFoundError,
    OutOfResourcesError,
    ServiceUnavailableError,
    WorkerError,
)
from mms_server.http.router import ANY

_ERRORS = (ModelNotFoundError, WorkerError, ServiceUnavailableError, OutOfResourcesError)
_FIELDS: Json = {"type": "object"}
_FORM: Json = {"type": "object", "propertyNames": {"minLength": 1}}
_PARTS: Json = {
    "type": "object",
    "minProperties": 1,
    "propertyNames": {"minLength": 1},
    "additionalProperties": {"type": "string", "contentMediaType": "application/octet-stream"},
}
_BODY: Json = {
    "description": (
        "A form gives the handler one input a field. Anything else, and nothing, is one input "
        "named body: JSON is decoded, text is UTF-8, other types stay bytes. What cannot be "
        "decoded is answered with 400."
    ),
    "content": {
        JSON: {"schema": {}},
        "text/plain": {"schema": {"type": "string"}},
        "application/x-www-form-urlencoded": {"schema": _FORM},
        "multipart/form-data": {"schema": _PARTS},
        "*/*": {},
    },
}
_QUEUE_TIMEOUT: Json = {
    "name": "X-MMS-Queue-Timeout",
    "in": "header",
    "description": (
        "Seconds that this request may wait for a worker, in place of the model's; more than a day "
        "counts as a day"
    ),
    "schema": {"type": "number", "exclusiveMinimum": 0},
}
_INPUTS: Json = query_parameter("inputs", "Every parameter is an input of its name", _FIELDS)
_MODEL_NAME: Json = query_parameter(
    "model_name",
    "The model, and an input too. Left out, it is the only one that was loaded at start",
    {"type": "string"},
)
_DOCUMENT: Json = {"type": "object", "required": ["openapi", "info", "paths"]}


def _predict(name: str, *parameters: Json, is_deprecated: bool = False) -> Operation:
    return Operation(
        name,
        "Run a model",
        "inference",
        {200: Answer("The handler's answer; it may state no type", {}, "*/*")},
        _ERRORS,
        (*parameters, _QUEUE_TIMEOUT),
        _BODY,
        verb="post",
        is_free=True,
        is_deprecated=is_deprecated,
    )


def _describe(name: str, *parameters: Json) -> Operation:
    return Operation(
        name,
        "Describe how to call a model, as Multi Model Server does",
        "documents",
        {200: Answer("An OpenAPI 3.0 document", _DOCUMENT)},
        (ModelNotFoundError,),
        parameters,
    )


DESCRIPTION = Description(
    {
        "/predictions/{model}/**": {
            ANY: _predict("predictions"),
            b"OPTIONS": _describe("describePredictions"),
        },
        "/invocations": {
            ANY: _predict("invocations", _MODEL_NAME, _INPUTS),
            b"OPTIONS": _describe("describeInvocations", _MODEL_NAME),
        },
        "/models/{model}/invoke": {
            ANY: _predict("invoke", _INPUTS),
            b"OPTIONS": _describe("describeInvoke"),
        },
        "/{model}/predict": {
            ANY: _predict("predict", _INPUTS, is_deprecated=True),
            b"OPTIONS": _describe("describePredict"),
        },
    }
)
