"""Responses in OpenAPI's form: good ones, errors by status, and the fields that all carry."""

from __future__ import annotations

from collections.abc import Iterable

from mms_server.api.openapi.operation import JSON, Answer, Json, schema_ref
from mms_server.errors import (
    BadRequestError,
    ExpectationFailedError,
    MethodNotAllowedError,
    MMSError,
    PayloadTooLargeError,
    RequestTimeoutError,
    ServiceUnavailableError,
    statuses_of,
)
from mms_server.http.response import standard_phrase

UNIVERSAL_ERRORS: tuple[type[MMSError], ...] = (
    BadRequestError,
    RequestTimeoutError,
    PayloadTooLargeError,
    ExpectationFailedError,
    MMSError,
)
"""What any request can meet: bytes that are no request or come too slowly, and our own defects."""

SCHEMAS: dict[str, Json] = {
    "Error": {
        "type": "object",
        "required": ["code", "type", "message"],
        "properties": {
            "code": {"type": "integer", "description": "The HTTP status"},
            "type": {"type": "string", "description": "The kind of error"},
            "message": {"type": "string", "description": "What went wrong"},
            "reason": {"type": "string", "description": "Why a model's workers did not start"},
        },
    },
}

HEADERS: dict[str, Json] = {
    "RequestId": {
        "description": "This server's own; the log has it, too",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "Pragma": {"required": True, "schema": {"const": "no-cache"}},
    "CacheControl": {
        "required": True,
        "schema": {"const": "no-cache; no-store, must-revalidate, private"},
    },
    "Expires": {"required": True, "schema": {"const": "Thu, 01 Jan 1970 00:00:00 UTC"}},
    "Allow": {
        "description": "The verbs that there are",
        "required": True,
        "schema": {"type": "string"},
    },
    "RetryAfter": {
        "description": "Seconds after which the backlog should be gone",
        "schema": {"type": "integer", "minimum": 0},
    },
}

_FIXED = {
    "x-request-id": "RequestId",
    "Pragma": "Pragma",
    "Cache-Control": "CacheControl",
    "Expires": "Expires",
}
_MORE: dict[type[MMSError], dict[str, str]] = {
    MethodNotAllowedError: {"Allow": "Allow"},
    ServiceUnavailableError: {"Retry-After": "RetryAfter"},
}
_ANYTHING: Json = {"*/*": {}}


def good_response(answer: Answer) -> Json:
    """Describe an answer."""
    return {
        "description": answer.description,
        "headers": _headers({}),
        "content": {answer.content_type: {"schema": answer.schema} if answer.schema else {}},
    }


def free_response() -> Json:
    """Describe what a handler answers with a status of its choice."""
    return {
        "description": "The handler's answer, from 200 to 999: status, fields and body are its own",
        "headers": _headers({}),
        "content": _ANYTHING,
    }


def by_status(errors: Iterable[type[MMSError]]) -> dict[int, list[type[MMSError]]]:
    """Group errors, in the order of their statuses; none twice."""
    grouped: dict[int, list[type[MMSError]]] = {}
    for error in dict.fromkeys(errors):
        grouped.setdefault(statuses_of(error).http, []).append(error)
    return dict(sorted(grouped.items()))


def error_response(status: int, errors: list[type[MMSError]], *, is_free: bool) -> Json:
    """Describe the errors of one status; where a handler is free, it may have answered so."""
    phrase = standard_phrase(status)
    if errors == [PayloadTooLargeError]:
        bare = f"{phrase}: max_request_size is exceeded. No field, no body"
        if not is_free:
            return {"description": bare}
        return {
            "description": f"{bare}; or the handler's answer with this status",
            "content": _ANYTHING,
        }
    more: dict[str, str] = {}
    for error in errors:
        more |= _MORE.get(error, {})
    kinds = sorted({error.kind for error in errors})
    error_schema: Json = {
        "allOf": [
            schema_ref("Error"),
            {"properties": {"code": {"const": status}, "type": {"enum": kinds}}},
        ]
    }
    description = f"{phrase}: {', '.join(kinds)}"
    content: Json = {JSON: {"schema": error_schema}}
    if is_free:
        description += "; or the handler's answer with this status"
        content = {JSON: {"schema": {"anyOf": [error_schema, {}]}}, **_ANYTHING}
    return {"description": description, "headers": _headers(more), "content": content}


def error_name(status: int, errors: list[type[MMSError]], *, is_free: bool) -> str:
    """Name such a response, the same wherever it is the same."""
    kinds = "-".join(sorted({error.kind.removesuffix("Exception") for error in errors}))
    return f"{kinds}-{status}-{'Free' if is_free else 'Error'}"


def _headers(more: dict[str, str]) -> Json:
    return {
        field: {"$ref": f"#/components/headers/{name}"} for field, name in (_FIXED | more).items()
    }
