"""The OpenAPI document of one model, in the structure that Multi Model Server gives it."""

from __future__ import annotations

ERROR_SCHEMA = {
    "type": "object",
    "required": ["code", "type", "message"],
    "properties": {
        "code": {"type": "integer", "description": "The HTTP status of the answer"},
        "type": {"type": "string", "description": "The kind of error"},
        "message": {"type": "string", "description": "What went wrong"},
    },
}


def model_document(name: str) -> dict[str, object]:
    """Describe how to call a model.

    The path says `/prediction`, in the singular, though the route is `/predictions`: clients of
    Multi Model Server 1.1.11 have read it so.
    """
    operation = {
        "operationId": name,
        "parameters": [],
        "responses": {
            "200": {"description": "The model's answer"},
            "500": {
                "description": "The prediction failed",
                "content": {"application/json": {"schema": ERROR_SCHEMA}},
            },
        },
    }
    return {
        "openapi": "3.0.1",
        "info": {"title": f"RESTful API for: {name}", "version": "1.0.0"},
        "paths": {f"/prediction/{name}": {"post": operation}},
    }
