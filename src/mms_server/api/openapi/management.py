"""What is said of the routes of `mms_server.api.management`."""

from __future__ import annotations

from mms_server.api.openapi.operation import (
    JSON,
    Answer,
    Description,
    Json,
    Operation,
    query_parameter,
    schema_ref,
)
from mms_server.api.parameters import INTEGER_LIMIT
from mms_server.archive.manifest import RUNTIMES
from mms_server.environments.preparation import State as EnvironmentState
from mms_server.errors import (
    ConflictError,
    DownloadModelError,
    InvalidModelError,
    ModelEnvironmentError,
    ModelNotFoundError,
    OutOfResourcesError,
    WorkerError,
)
from mms_server.workers.worker import State

_TEXT: Json = {"type": "string"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_FLAG: Json = {"type": "boolean"}
_SCALAR: Json = {"type": ["string", "number", "boolean", "null"]}
_NOT_TRUE = "; only true, in any letter case, is true"
_NO_INTEGER = "; what is no integer of 32 bits counts as not given"


def _integer(minimum: int | None = None) -> Json:
    """Describe an integer as `Parameters.integer` reads it: what is none counts as not given."""
    if minimum is None:
        return {"anyOf": [{"type": "integer"}, _SCALAR]}
    no_integer: Json = {"type": "string", "not": {"pattern": "^[+-]?[0-9]+$"}}
    taken: Json = {"type": "integer", "minimum": minimum}
    too_small: Json = {"type": "integer", "maximum": -INTEGER_LIMIT - 1}
    fraction: Json = {"type": "number", "not": {"type": "integer"}}
    return {"anyOf": [taken, too_small, fraction, no_integer, {"type": ["boolean", "null"]}]}


def _json_integer(minimum: int) -> Json:
    """Describe an integer of a JSON body, which may be a text; an empty one is not given."""
    sign = "" if minimum >= 0 else "-?"
    first = "[1-9][0-9]{0,8}" if minimum == 1 else "[0-9]{1,9}"
    return {
        "anyOf": [
            {"type": "integer", "minimum": minimum, "maximum": INTEGER_LIMIT - 1},
            {"type": "string", "pattern": f"^({sign}{first})?$"},
        ]
    }


_REGISTRATION: dict[str, tuple[str, Json]] = {
    "url": (
        "A file or folder in the model store, or an http(s) URL that is allowed; it must be given, "
        "here or in the body",
        _TEXT,
    ),
    "model_name": ("The model's name; else the archive's manifest names it", _SCALAR),
    "handler": ("module:function; else the manifest's, else default_service_handler", _SCALAR),
    "runtime": ("The interpreter, else the manifest's", {"enum": [*RUNTIMES, ""]}),
    "batch_size": (f"Requests in a batch, 1 unless given{_NO_INTEGER}", _integer(1)),
    "max_batch_delay": (f"Milliseconds a batch waits, 100 unless given{_NO_INTEGER}", _integer()),
    "initial_workers": (
        f"Workers to start, default_workers_per_model unless given{_NO_INTEGER}",
        _integer(),
    ),
    "synchronous": (f"Whether to wait for the workers, true unless given{_NOT_TRUE}", _SCALAR),
    "response_timeout": (f"Seconds for a batch; -1 for the server's{_NO_INTEGER}", _integer()),
    "startup_timeout": (f"Seconds for a load, above 0{_NO_INTEGER}", _integer()),
    "queue_timeout": (f"Seconds in the queue, above 0{_NO_INTEGER}", _integer()),
    "preload_model": (f"Whether workers are forked from one that has loaded{_NOT_TRUE}", _SCALAR),
}
_JSON_INTEGERS = {
    "batch_size": _json_integer(1),
    **dict.fromkeys(("startup_timeout", "queue_timeout"), _json_integer(1)),
    **dict.fromkeys(
        ("max_batch_delay", "initial_workers", "response_timeout"), _json_integer(-INTEGER_LIMIT)
    ),
}
_REGISTRATION_BODY: Json = {
    "description": "Takes the place of the query altogether; null counts as not given",
    "content": {
        JSON: {
            "schema": {
                "type": "object",
                "required": ["url"],
                "properties": {"url": {**_TEXT, "description": "Not null"}}
                | {
                    name: {
                        "description": description,
                        "anyOf": [_JSON_INTEGERS.get(name, schema), {"type": "null"}],
                    }
                    for name, (description, schema) in _REGISTRATION.items()
                    if name != "url"
                },
                "additionalProperties": True,
            }
        }
    },
}

_STATUS: Json = {"type": "object", "required": ["status"], "properties": {"status": _TEXT}}
_MODELS: Json = {
    "type": "object",
    "required": ["models"],
    "properties": {
        "nextPageToken": {"type": "string", "description": "There where more follow"},
        "models": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["modelName", "modelUrl"],
                "properties": {"modelName": _TEXT, "modelUrl": _TEXT},
            },
        },
    },
}
_WORKER: Json = {
    "type": "object",
    "required": ["id", "startTime", "status", "state", "gpu", "memoryUsage", "restarts"],
    "properties": {
        "id": _TEXT,
        "startTime": {"type": "string", "format": "date-time"},
        "status": {"enum": ["READY", "UNLOADING"]},
        "state": {"enum": [state.value for state in State]},
        "gpu": _FLAG,
        "memoryUsage": {**_COUNT, "description": "Resident bytes, 0 where it is not known"},
        "restarts": _COUNT,
        "pid": _COUNT,
        "lastError": _TEXT,
        "lastTraceback": _TEXT,
    },
}
_SCALING_CHOICE: Json = {
    "type": "object",
    "description": "How many workers the load asks for; absent where minWorkers is maxWorkers",
    "required": ["wantedWorkers"],
    "properties": {
        "wantedWorkers": _COUNT,
        "lastChange": {
            "type": "object",
            "required": ["time", "from", "to", "reason"],
            "properties": {
                "time": {"type": "string", "format": "date-time"},
                "from": _COUNT,
                "to": _COUNT,
                "reason": _TEXT,
            },
        },
    },
}
_MODEL: Json = {
    "type": "object",
    "required": [
        *("modelName", "modelUrl", "runtime", "minWorkers", "maxWorkers", "batchSize"),
        *("maxBatchDelay", "loadedAtStartup", "workers", "queuedRequests"),
    ],
    "properties": {
        "modelName": _TEXT,
        "modelVersion": _TEXT,
        "modelUrl": _TEXT,
        "engine": _TEXT,
        "runtime": {"enum": list(RUNTIMES)},
        "minWorkers": _COUNT,
        "maxWorkers": _COUNT,
        "scaling": schema_ref("Scaling"),
        "batchSize": {"type": "integer", "minimum": 1},
        "maxBatchDelay": {**_COUNT, "description": "Milliseconds"},
        "loadedAtStartup": _FLAG,
        "workers": {"type": "array", "items": schema_ref("Worker")},
        "queuedRequests": _COUNT,
        "environment": {
            "type": "object",
            "description": "The environment that the model brings, until it is ready",
            "required": ["state"],
            "properties": {
                "state": {"enum": [state.value for state in EnvironmentState]},
                "progress": _TEXT,
                "error": _TEXT,
            },
        },
    },
}

_DONE = Answer("It is done", schema_ref("Status"))
_SCALING = {
    200: _DONE,
    202: Answer("It goes on; nobody waits for it", schema_ref("Status")),
    210: Answer(
        "Another request has changed the number of workers meanwhile", schema_ref("Status")
    ),
}
_FAILED_START = (WorkerError, OutOfResourcesError, ModelEnvironmentError)

_LIST = Operation(
    "listModels",
    "List the models by name, a page at a time",
    "management",
    {200: Answer("A page", schema_ref("Models"))},
    parameters=(
        query_parameter("limit", f"Models a page, 100 unless 0 to 100{_NO_INTEGER}", _integer()),
        query_parameter("next_page_token", f"The one of the page before{_NO_INTEGER}", _integer()),
    ),
)
_REGISTER = Operation(
    "registerModel",
    "Register a model and start its workers",
    "management",
    _SCALING,
    (ModelNotFoundError, InvalidModelError, DownloadModelError, ConflictError, *_FAILED_START),
    tuple(
        query_parameter(name, description, schema)
        for name, (description, schema) in _REGISTRATION.items()
    ),
    _REGISTRATION_BODY,
)
_DESCRIBE = Operation(
    "describeModel",
    "Show a model and its workers",
    "management",
    {200: Answer("The model", schema_ref("Model"))},
    (ModelNotFoundError,),
)
_SCALE = Operation(
    "scaleModel",
    "Set how many workers a model has",
    "management",
    _SCALING,
    (ModelNotFoundError, *_FAILED_START),
    (
        query_parameter("min_worker", f"1 unless given{_NO_INTEGER}", _integer(0)),
        query_parameter("max_worker", f"min_worker, and no less{_NO_INTEGER}", _integer(0)),
        query_parameter("min_workers", "The same as min_worker, which goes first", _integer(0)),
        query_parameter("max_workers", "The same as max_worker, which goes first", _integer(0)),
        query_parameter("synchronous", f"Whether to wait, false unless given{_NOT_TRUE}", _SCALAR),
    ),
)
_UNREGISTER = Operation(
    "unregisterModel",
    "End a model, when what it has accepted is answered",
    "management",
    {200: _DONE},
    (ModelNotFoundError,),
)

DESCRIPTION = Description(
    {
        "/models": {b"GET": _LIST, b"POST": _REGISTER},
        "/models/{model}": {b"GET": _DESCRIBE, b"PUT": _SCALE, b"DELETE": _UNREGISTER},
    },
    {
        "Status": _STATUS,
        "Models": _MODELS,
        "Model": _MODEL,
        "Worker": _WORKER,
        "Scaling": _SCALING_CHOICE,
    },
)
