from __future__ import annotations

from typing import Any

from mms_server.api.openapi.listener_document import listener_document


def test_a_combined_listener_describes_inference_then_management() -> None:
    paths: Any = listener_document(inference=True, management=True)["paths"]

    assert {path: list(verbs) for path, verbs in paths.items()} == {
        "/": ["options"],
        "/{model_name}/predict": ["post"],
        "/ping": ["get"],
        "/predictions/{model_name}": ["post", "options"],
        "/api-description": ["get"],
        "/invocations": ["post"],
        "/models/{model_name}/invoke": ["post"],
        "/models": ["get", "post"],
        "/models/{model_name}": ["get", "put", "delete"],
    }
    statuses = ["200", "202", "210", "400", "404", "409", "500"]
    assert list(paths["/models"]["post"]["responses"]) == statuses
    limit = paths["/models"]["get"]["parameters"][0]
    assert (limit["name"], limit["schema"]["default"]) == ("limit", "100")


def test_a_listener_describes_only_what_it_serves() -> None:
    inference: Any = listener_document(inference=True, management=False)["paths"]
    management: Any = listener_document(inference=False, management=True)["paths"]
    assert set(inference) & set(management) == {"/"}


def test_operations_say_what_they_take_and_answer() -> None:
    paths: Any = listener_document(inference=True, management=True)["paths"]
    predict = paths["/predictions/{model_name}"]["post"]
    anything = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    assert predict["requestBody"] == {"content": anything, "required": True}
    assert predict["responses"]["200"]["content"] == anything
    register = paths["/models"]["post"]
    assert [each["required"] for each in register["parameters"]][:2] == [True, False]
    assert register["parameters"][4]["schema"] == {"type": "integer", "default": "1"}
    status = register["responses"]["210"]["content"]["application/json"]["schema"]
    assert status["required"] == ["status"]
