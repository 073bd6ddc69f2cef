"""`GET /openapi.json`: what a listener really serves, as OpenAPI 3.1.

It is built from the router itself: a route is in it because it is served, behind a guard because
one stands there. What is said of a route is in the modules named like those that serve it.
"""

from __future__ import annotations

from collections.abc import Mapping

from mms.version import __version__
from mms_server.api.openapi import common, inference, management
from mms_server.api.openapi.operation import Description, Json, Operation
from mms_server.api.openapi.responses import (
    HEADERS,
    SCHEMAS,
    UNIVERSAL_ERRORS,
    by_status,
    error_name,
    error_response,
    free_response,
    good_response,
)
from mms_server.errors import (
    ForbiddenError,
    MethodNotAllowedError,
    MMSError,
    ResourceNotFoundError,
)
from mms_server.http.router import ANY, Endpoint, Router

DESCRIPTIONS: tuple[Description, ...] = (
    common.DESCRIPTION,
    inference.DESCRIPTION,
    management.DESCRIPTION,
)

VERBS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
"""All that OpenAPI knows; a route for any verb takes others, too."""

_INFO: Json = {
    "title": "mms-server",
    "summary": "Serves predictions of trained models, and manages them",
    "description": (
        "What this listener serves, and nothing else. Any other path is answered with 404 and "
        "ResourceNotFoundException, another verb of a path below with 405 and "
        "MethodNotAllowedException. A connection ends with an answer of 400 or above, except after "
        "a refusal with 503. A path is percent-decoded before it is split at its slashes, and "
        "trailing slashes do not count. Where CORS is configured every answer carries its fields, "
        "and preflights are answered with 200 or 403."
    ),
    "version": __version__,
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
}
_TAGS = [
    {"name": "health", "description": "How the server is"},
    {"name": "documents", "description": "What the server says of its API"},
    {"name": "inference", "description": "Predictions: any verb runs the model"},
    {"name": "management", "description": "Models: registered, shown, scaled, unregistered"},
]
_RESPONSES = "#/components/responses/"
_OUTSIDE = (ResourceNotFoundError, MethodNotAllowedError)


def make_document(router: Router) -> Json:
    """Describe what a router routes; a route of which nothing is said only refuses."""
    writer = _Writer()
    paths: dict[str, Json] = {}
    for pattern, verbs in router.routes():
        for description in DESCRIPTIONS:
            if pattern in description.operations:
                writer.schemas |= description.schemas
                path = pattern.removesuffix("/**") or "/"
                paths[path] = writer.path_item(pattern, verbs, description.operations[pattern])
    return {
        "openapi": "3.1.1",
        "info": _INFO,
        "servers": [{"url": "/", "description": "This listener"}],
        "tags": _TAGS,
        "paths": paths,
        "components": {
            "schemas": writer.schemas,
            "headers": HEADERS,
            "requestBodies": writer.bodies,
            "responses": writer.responses,
        },
    }


class _Writer:
    """Writes paths, and collects what several of them share."""

    def __init__(self) -> None:
        self.schemas: dict[str, Json] = dict(SCHEMAS)
        self.bodies: dict[str, Json] = {}
        self.responses: dict[str, Json] = {}
        for status, errors in by_status(_OUTSIDE).items():
            for error in errors:
                self._refer(status, [error], is_free=False)

    def path_item(
        self,
        pattern: str,
        verbs: Mapping[bytes, Endpoint],
        operations: Mapping[bytes, Operation],
    ) -> Json:
        """Describe the verbs of a route that are served."""
        item: Json = {}
        if pattern.endswith("/**"):
            item["description"] = "Further segments of the path are ignored"
        if "{model}" in pattern:
            item["parameters"] = [_MODEL]
        for verb in VERBS:
            key = verb.upper().encode()
            key = key if key in verbs else ANY
            if key in verbs:
                item[verb] = self._operation(
                    verb,
                    operations[key],
                    is_any=key == ANY,
                    is_guarded=verbs[key].admit is not None,
                )
        return item

    def _operation(
        self, verb: str, operation: Operation, *, is_any: bool, is_guarded: bool
    ) -> Json:
        is_other = is_any and verb != operation.verb
        written: Json = {
            "operationId": operation.name + verb.capitalize() if is_other else operation.name,
            "summary": operation.summary,
            "tags": [operation.tag],
        }
        if operation.is_deprecated:
            written["deprecated"] = True
        if operation.parameters:
            written["parameters"] = list(operation.parameters)
        if operation.body is not None and verb != "trace":
            # "A client MUST NOT send content in a TRACE request" (RFC 9110 section 9.3.8).
            self.bodies[operation.tag] = operation.body
            written["requestBody"] = {"$ref": f"#/components/requestBodies/{operation.tag}"}
        written["responses"] = responses = self._responses(operation, is_guarded=is_guarded)
        if verb == "head":
            # "The HEAD method is identical to GET except that the server MUST NOT send content in
            # the response" (RFC 9110 section 9.3.2).
            written["responses"] = {
                status: self._without_content(response) for status, response in responses.items()
            }
        return written

    def _responses(self, operation: Operation, *, is_guarded: bool) -> dict[str, Json]:
        responses = {
            str(status): good_response(answer) for status, answer in operation.answers.items()
        }
        guards = (ForbiddenError,) if is_guarded else ()
        for status, errors in by_status((*UNIVERSAL_ERRORS, *operation.errors, *guards)).items():
            responses[str(status)] = self._refer(status, errors, is_free=operation.is_free)
        if operation.is_free:
            responses["default"] = free_response()
        return responses

    def _refer(self, status: int, errors: list[type[MMSError]], *, is_free: bool) -> Json:
        name = error_name(status, errors, is_free=is_free)
        if name not in self.responses:
            self.responses[name] = error_response(status, errors, is_free=is_free)
        return {"$ref": _RESPONSES + name}

    def _without_content(self, response: Json) -> Json:
        name = str(response.get("$ref", "")).removeprefix(_RESPONSES)
        if not name:
            return _strip(response)
        self.responses[f"{name}-Head"] = _strip(self.responses[name])
        return {"$ref": f"{_RESPONSES}{name}-Head"}


def _strip(response: Json) -> Json:
    return {key: value for key, value in response.items() if key != "content"}


_MODEL: Json = {
    "name": "model",
    "in": "path",
    "required": True,
    "description": "The model's name",
    "schema": {"type": "string", "pattern": "^[^/]+$"},
}
