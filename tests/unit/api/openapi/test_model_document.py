from __future__ import annotations

from typing import Any

from mms_server.api.openapi.model_document import model_document


def test_a_models_document_has_the_structure_of_multi_model_server() -> None:
    document: dict[str, Any] = model_document("squeezenet")

    assert document["openapi"] == "3.0.1"
    assert document["info"] == {"title": "RESTful API for: squeezenet", "version": "1.0.0"}
    assert list(document["paths"]) == ["/prediction/squeezenet"]
    assert list(document["paths"]["/prediction/squeezenet"]) == ["post"]
    operation = document["paths"]["/prediction/squeezenet"]["post"]
    assert operation["operationId"] == "squeezenet"
    assert operation["parameters"] == []
    assert list(operation["responses"]) == ["200", "500"]
    error = operation["responses"]["500"]["content"]["application/json"]["schema"]
    assert error["required"] == ["code", "type", "message"]
