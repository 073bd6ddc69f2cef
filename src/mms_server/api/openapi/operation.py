"""The words in which an endpoint is described: what it takes, what it answers, how it fails.

Descriptions are data, one module for each of `mms_server.api`'s, keyed by the router's patterns and
verbs; `mms_server.api.openapi.document` turns into OpenAPI those that a listener routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mms_server.errors import MMSError

Json = dict[str, object]

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers when all is well; an empty schema is that of anything."""

    description: str
    schema: Json
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class Operation:
    """What one verb of a route does, or all verbs.

    `verb` is the one that clients use where any would do. `errors` are those of this operation's
    own: what any request can meet is not listed. `is_free` tells that a handler answers, with
    whatever status, fields and body it likes.
    """

    name: str
    summary: str
    tag: str
    answers: Mapping[int, Answer]
    errors: tuple[type[MMSError], ...] = ()
    parameters: tuple[Json, ...] = ()
    body: Json | None = None
    verb: str = "get"
    is_free: bool = False
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What a module of the API says of its routes: by pattern, then verb; and named schemas."""

    operations: Mapping[str, Mapping[bytes, Operation]]
    schemas: Mapping[str, Json] = field(default_factory=dict)


def schema_ref(name: str) -> Json:
    """Refer to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def query_parameter(name: str, description: str, schema: Json) -> Json:
    """Describe a parameter of the query; every one may be left out."""
    return {"name": name, "in": "query", "description": description, "schema": schema}
