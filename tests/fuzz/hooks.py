"""What schemathesis is told of this server; it loads this file by `SCHEMATHESIS_HOOKS`.

Requests are led to models that exist, and kept from filling the machine with processes. All checks
are on. A failure is dropped only for one of the reasons below, each a presumption of schemathesis
or something that OpenAPI cannot say, and only where that reason holds.
"""

from __future__ import annotations

import contextlib
import json
import zlib
from collections.abc import MutableMapping
from typing import Any

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure, MalformedJson, ServerError
from schemathesis.openapi.checks import (
    EnsureResourceAvailability,
    MissingContentType,
    RejectedPositiveData,
    UnsupportedMethodResponse,
)

from fuzz.models import FAILING, LOCATIONS, NAMES

_QUEUE_TIMEOUT = "X-MMS-Queue-Timeout"
_COUNTS = ("initial_workers", "min_worker", "min_workers", "max_worker", "max_workers")
_MOST_WORKERS = 2
_RELATIONS = (
    "Parameter url is required.",  # in the query or in the body
    "max_worker cannot be less than min_worker.",
)
_PREDICT_PATHS = (
    "/predictions/{model}",
    "/invocations",
    "/models/{model}/invoke",
    "/{model}/predict",
)
_BAD_ARCHIVES = ("InvalidModelException", "DownloadModelException")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Lead the request to a model: the same name always leads to the same one."""
    if "model" in (case.path_parameters or {}):
        _rename(case.path_parameters, "model")
    parameters = case.query
    if case.operation.path == "/models" and case.method == "POST":
        if isinstance(case.body, dict):
            case.query = {}  # which a JSON body makes void
            parameters = case.body
        _pick(parameters, "url", LOCATIONS)
    if parameters:
        _rename(parameters, "model_name")
        _bound_workers(parameters)
    names = ((case.path_parameters or {}).get("model"), (case.query or {}).get("model_name"))
    if _QUEUE_TIMEOUT in (case.headers or {}) and set(names) & set(FAILING):
        _bound_wait(case.headers)


@schemathesis.hook
def filter_failure(context: Any, failure: Failure, case: Any, response: Any) -> bool:
    """Say whether a failure is one."""
    return not any(rule(failure, case, response) for rule in _RULES)


def _is_of_a_verb_beyond_openapi(failure: Failure, case: Any, response: Any) -> bool:
    """OpenAPI 3.1 has no QUERY, which schemathesis tries; routes for any verb serve it, too."""
    path = case.operation.schema[case.operation.path]
    return (
        isinstance(failure, UnsupportedMethodResponse)
        and response.request.method == "QUERY"
        and "trace" in path
    )


def _is_of_no_type(failure: Failure, case: Any, response: Any) -> bool:
    """Schemathesis wants a Content-Type for `*/*`; RFC 9110 section 8.3 lets one leave it out."""
    if isinstance(failure, MissingContentType):
        return "*/*" in failure.media_types
    return isinstance(failure, MalformedJson) and "content-type" not in response.headers


def _is_a_refusal(failure: Failure, case: Any, response: Any) -> bool:
    """Schemathesis takes each 5xx for a defect; a 503 that refuses is the server at its best.

    That it refuses, the body tells; an answer to HEAD has none, so there the short wait tells.
    """
    is_refusal = _error(response).get("type") == "ServiceUnavailableException"
    if case.method == "HEAD" and response.status_code == 503:
        is_refusal = _QUEUE_TIMEOUT in (case.headers or {})
    return isinstance(failure, ServerError) and is_refusal


def _is_of_a_failing_model(failure: Failure, case: Any, response: Any) -> bool:
    """Schemathesis holds the server to account for the handler; these fail on purpose.

    How the answer looks is checked all the same; only that it failed is no failure.
    """
    name = (case.path_parameters or {}).get("model") or (case.query or {}).get("model_name")
    judges_success = isinstance(failure, ServerError | RejectedPositiveData | AcceptedNegativeData)
    return judges_success and name in FAILING


def _is_of_free_inputs(failure: Failure, case: Any, response: Any) -> bool:
    """On the wire a query or form is text; schemathesis thinks that its types can be wrong."""
    return (
        isinstance(failure, AcceptedNegativeData)
        and case.operation.path in _PREDICT_PATHS
        and "header" not in failure.message
        and "path" not in failure.message
    )


def _is_no_form(failure: Failure, case: Any, response: Any) -> bool:
    """Schemathesis sends a number as multipart, or values that it writes as no part at all."""
    has_no_part = "it has no part" in str(_error(response).get("message"))
    return (
        isinstance(failure, RejectedPositiveData)
        and case.media_type == "multipart/form-data"
        and (has_no_part or not isinstance(case.body, dict))
    )


def _is_of_a_name_that_is_ruled_out(failure: Failure, case: Any, response: Any) -> bool:
    """Schemathesis rarely gives a field an empty name, which `propertyNames` rules out."""
    return (
        isinstance(failure, RejectedPositiveData)
        and case.media_type == "application/x-www-form-urlencoded"
        and isinstance(case.body, dict)
        and "" in case.body
    )


def _is_of_a_bad_archive(failure: Failure, case: Any, response: Any) -> bool:
    """No schema tells whether there is a model behind a `url`, and one that loads."""
    error = _error(response)
    if isinstance(failure, RejectedPositiveData):
        return error.get("type") in _BAD_ARCHIVES
    return isinstance(failure, ServerError) and error.get("message") == "Failed to start workers"


def _is_of_a_guessed_name(failure: Failure, case: Any, response: Any) -> bool:
    """Schemathesis takes the text in `status` for the new model's name, and does not find it."""
    return isinstance(failure, EnsureResourceAvailability) and failure.created_with == (
        "POST /models"
    )


def _is_of_a_relation(failure: Failure, case: Any, response: Any) -> bool:
    """OpenAPI cannot say how parameters depend on each other."""
    return isinstance(failure, RejectedPositiveData) and _error(response).get("message") in (
        _RELATIONS
    )


_RULES = (
    _is_of_a_verb_beyond_openapi,
    _is_of_no_type,
    _is_a_refusal,
    _is_of_a_failing_model,
    _is_of_free_inputs,
    _is_no_form,
    _is_of_a_name_that_is_ruled_out,
    _is_of_a_bad_archive,
    _is_of_a_guessed_name,
    _is_of_a_relation,
)


def _error(response: Any) -> dict[str, Any]:
    try:
        document = json.loads(response.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _rename(parameters: MutableMapping[str, Any], name: str) -> None:
    """Replace a model's name by one of ours; none stays none."""
    value = parameters.get(name)
    if value and value not in NAMES:
        parameters[name] = NAMES[zlib.crc32(repr(value).encode("utf-8", "replace")) % len(NAMES)]


def _pick(parameters: MutableMapping[str, Any], name: str, values: tuple[str, ...]) -> None:
    """Replace three of four values by one of those that mean something."""
    number = _number(parameters)
    if number % 4 and parameters.get(name) not in values:
        parameters[name] = values[number // 4 % len(values)]


def _number(parameters: MutableMapping[str, Any]) -> int:
    return zlib.crc32(repr(sorted(parameters.items(), key=repr)).encode("utf-8", "replace"))


def _bound_wait(headers: MutableMapping[str, str]) -> None:
    """Let no request wait for a day, as it may ask to, for a model whose workers always die."""
    with contextlib.suppress(ValueError):
        if float(headers[_QUEUE_TIMEOUT]) > 1:
            headers[_QUEUE_TIMEOUT] = "1"


def _bound_workers(parameters: MutableMapping[str, Any]) -> None:
    for name in ("min_worker", "max_worker"):
        if name in parameters:
            parameters.pop(f"{name}s", None)  # which the other name makes void
    for name in _COUNTS:
        if _is_large(parameters.get(name)):
            parameters[name] = _MOST_WORKERS


def _is_large(value: object) -> bool:
    try:
        return int(str(value)) > _MOST_WORKERS
    except ValueError:
        return False
