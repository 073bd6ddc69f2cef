from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import mms.version
from mms_server.api.openapi.document import DESCRIPTIONS, VERBS, make_document
from mms_server.http.router import ANY
from support.routing import LISTENERS, router_of

REFUSING = {"/predictions", "/api-description/**"}
"""Routes that are there to refuse: there is nothing to describe."""


def document_of(listener: str) -> Any:
    return make_document(router_of(listener))


def operations_of(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (path, verb): operation
        for path, item in document["paths"].items()
        for verb, operation in item.items()
        if verb in VERBS
    }


def test_it_is_valid_openapi_3_1() -> None:
    document = document_of("combined")  # the others' are validated as they are served
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"] == mms.version.__version__
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    names = [operation["operationId"] for operation in operations_of(document).values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("listener", LISTENERS)
def test_every_operation_is_routed_and_every_route_described(listener: str) -> None:
    router = router_of(listener)
    routed = {
        (pattern.removesuffix("/**"), verb)
        for pattern, verbs in router.routes()
        if pattern not in REFUSING
        for verb in VERBS
        if ANY in verbs or verb.upper().encode() in verbs
    }
    operations = operations_of(make_document(router))
    assert set(operations) == routed
    for path, verb in operations:
        router.resolve(path.encode()).endpoint(verb.upper().encode())


def test_nothing_is_described_that_no_listener_serves() -> None:
    routes = {pattern: set(verbs) for pattern, verbs in router_of("combined").routes()}
    for description in DESCRIPTIONS:
        for pattern, operations in description.operations.items():
            assert set(operations) == routes[pattern]


def test_what_a_guard_protects_may_answer_403() -> None:
    guarded = {
        path
        for (path, _), operation in operations_of(document_of("combined")).items()
        if "403" in operation["responses"]
    }
    assert guarded == {"/models", "/models/{model}", "/metrics"}


def test_a_handlers_answer_may_have_any_status_and_body() -> None:
    for (_, verb), operation in operations_of(document_of("inference")).items():
        is_free = "inference" in operation["tags"]
        assert ("default" in operation["responses"]) == is_free
        assert is_free or "requestBody" not in operation
        assert ("requestBody" in operation) == (is_free and verb != "trace")


def test_an_answer_to_head_has_no_content() -> None:
    document = document_of("combined")
    for (_, verb), operation in operations_of(document).items():
        for response in operation["responses"].values():
            if "$ref" in response:
                response = document["components"]["responses"][response["$ref"].split("/")[-1]]
            is_empty = verb == "head" or response["description"].endswith("no body")
            assert ("content" in response) != is_empty


def test_errors_say_their_status_and_kinds() -> None:
    document = document_of("management")
    reference = operations_of(document)["/models", "post"]["responses"]["400"]["$ref"]
    response = document["components"]["responses"][reference.rpartition("/")[2]]
    kinds = response["content"]["application/json"]["schema"]["allOf"][1]["properties"]["type"]
    assert kinds["enum"] == [
        "BadRequestException",
        "DownloadModelException",
        "InvalidModelException",
    ]
    responses = document["components"]["responses"]
    assert "content" not in responses["PayloadTooLarge-413-Error"]
    assert "Allow" in responses["MethodNotAllowed-405-Error"]["headers"]
