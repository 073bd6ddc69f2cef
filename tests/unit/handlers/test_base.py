from __future__ import annotations

import json
from typing import Any

import pytest

from mms.context import Context
from mms.handlers.base import Handler, MissingPackageError, RequestError, find_input, require
from support.handlers import Serving


class Doubling(Handler):
    """Doubles whole numbers, refuses what is none, and notes its batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def preprocess(self, request: dict[str, Any]) -> int:
        number = request["number"]
        if not isinstance(number, int):
            raise RequestError(f"Expected a number, saw {number!r}.")
        return number

    def inference(self, inputs: list[int]) -> list[int]:
        self.batches.append(inputs)
        return [2 * each for each in inputs]


def test_a_batch_is_inferred_at_once_and_answered_in_order(serving: Serving) -> None:
    handler = Doubling()
    answers, context = serving.handle(handler, {"number": 1}, {"number": 2}, {"number": 3})
    assert answers == [2, 4, 6]
    assert handler.batches == [[1, 2, 3]]
    types = [context.get_response_content_type(place) for place in range(3)]
    assert types == ["application/json"] * 3


def test_a_refused_request_leaves_the_others_alone(serving: Serving) -> None:
    handler = Doubling()
    answers, context = serving.handle(handler, {"number": 1}, {"number": "x"}, {"number": 3})
    assert (answers[0], answers[2]) == (2, 6)
    assert json.loads(answers[1]) == {
        "code": 400,
        "type": "BadRequestException",
        "message": "Expected a number, saw 'x'.",
    }
    assert [context.get_response_status(place)[0] for place in range(3)] == [200, 400, 200]
    assert context.get_response_content_type(1) == "application/json"
    assert handler.batches == [[1, 3]]


def test_what_a_client_asks_for_in_vain_is_its_own_error(serving: Serving) -> None:
    class Choosy(Doubling):
        def respond(self, output: Any, context: Context, place: int) -> Any:
            if output == 4:
                raise RequestError("Not in this form.", status=406)
            return super().respond(output, context, place)

    answers, context = serving.handle(Choosy(), {"number": 1}, {"number": 2}, {"number": 3})
    assert (answers[0], answers[2]) == (2, 6)
    assert [context.get_response_status(place)[0] for place in range(3)] == [200, 406, 200]


def test_nothing_is_inferred_when_every_request_is_refused(serving: Serving) -> None:
    handler = Doubling()
    _, context = serving.handle(handler, {"number": "x"}, {"number": None})
    assert handler.batches == []
    assert [context.get_response_status(place)[0] for place in range(2)] == [400, 400]


def test_a_bug_in_a_handler_is_not_taken_for_a_bad_request(serving: Serving) -> None:
    with pytest.raises(KeyError, match="number"):
        serving.handle(Doubling(), {})


def test_a_request_may_be_refused_with_another_status(serving: Serving) -> None:
    class Picky(Doubling):
        def preprocess(self, request: dict[str, Any]) -> int:
            raise RequestError("Not this kind.", status=415)

    (answer,), context = serving.handle(Picky(), {"number": 1})
    assert context.get_response_status(0)[0] == 415
    assert json.loads(answer)["code"] == 415


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"data": b"2", "body": b"1"}, b"1"),
        ({"data": b"2", "other": b"3"}, b"2"),
        ({"anything": b"4"}, b"4"),
    ],
)
def test_an_input_is_found_by_name_or_because_it_is_the_only_one(
    request_: dict[str, Any], expected: bytes
) -> None:
    assert find_input(request_, "body", "data") == expected


@pytest.mark.parametrize(("request_", "said"), [({}, "nothing"), ({"a": 1, "b": 2}, "a, b")])
def test_an_input_that_cannot_be_told_is_refused(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestError, match=f"called body or data; the request has {said}"):
        find_input(request_, "body", "data")


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingPackageError, match="pip install no-such-engine"):
        require("no_such_engine", "no-such-engine")
