from __future__ import annotations

import json
from typing import Any

import pytest

from mms.context import Context, RequestProcessor
from mms.handlers.base import Handler, MissingPackageError, RequestError, find_input, require


def begin(context: Context, requests: int) -> None:
    context.begin_batch(
        {i: str(i) for i in range(requests)}, [RequestProcessor({}) for _ in range(requests)]
    )


class Doubling(Handler):
    """Notes the batches that it infers on."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def preprocess(self, request: dict[str, Any]) -> int:
        if "number" not in request:
            raise RequestError("no number", 422)
        return int(request["number"])

    def inference(self, inputs: list[int]) -> list[int]:
        self.batches.append(inputs)
        return [2 * each for each in inputs]


def test_a_batch_is_inferred_on_once_and_in_order() -> None:
    context = Context("m", "/", None, 4, None, "1")
    handler = Doubling()
    begin(context, 4)
    answers = handler.handle([{"number": 1}, {}, {"number": 3}, {"x": 1}], context)
    assert handler.batches == [[1, 3]]
    assert (answers[0], answers[2]) == (2, 6)
    assert json.loads(answers[1])["message"] == "no number"
    assert [context.get_response_status(i)[0] for i in range(4)] == [200, 422, 200, 422]
    assert context.get_response_content_type(0) == "application/json"


def test_nothing_is_inferred_when_all_is_refused() -> None:
    context = Context("m", "/", None, 1, None, "1")
    handler = Doubling()
    begin(context, 1)
    handler.handle([{}], context)
    assert handler.batches == []


def test_an_input_is_found_by_name_or_alone() -> None:
    assert find_input({"a": 1, "data": 2}, "body", "data") == 2
    assert find_input({"whatever": 3}, "body") == 3
    with pytest.raises(RequestError, match="called body or data; the request has a, b"):
        find_input({"a": 1, "b": 2}, "body", "data")
    with pytest.raises(RequestError, match="the request has nothing"):
        find_input({}, "body")


def test_a_missing_package_is_named_with_the_command() -> None:
    with pytest.raises(MissingPackageError, match="pip install that-engine"):
        require("no_such_engine", "that-engine")
