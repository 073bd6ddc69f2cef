"""From what a handler returns, sets or raises to what the front end is told."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms.context import RequestProcessor
from mms.service import PredictionException
from mms.worker.outputs import (
    DEFAULT_HEAD,
    Failure,
    OutputError,
    check_outputs,
    encode_output,
    failure_of,
    response_head,
)


class Index:
    """What numpy's integers are to us."""

    def __index__(self) -> int:
        return 404


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def deep_list() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


def circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def processor(code: Any = 200, phrase: Any = None, headers: Any = ()) -> RequestProcessor:
    result = RequestProcessor({})
    result.report_status(code, phrase)
    result.get_response_headers().update(headers)
    return result


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"\x00\xff", b"\x00\xff"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abcd")[::2], b"ac"),
        ("grün", b"gr\xc3\xbcn"),
        ("", b""),
        ({"a": [1, "ü"]}, b'{\n  "a": [\n    1,\n    "\\u00fc"\n  ]\n}'),
        (None, b"null"),
        (0.5, b"0.5"),
        (math.nan, b"NaN"),
        (math.inf, b"Infinity"),
    ],
)
def test_encoding(output: object, expected: bytes) -> None:
    encoded = encode_output(output)
    assert type(encoded) is bytes
    assert encoded == expected


def test_a_large_bytearray_is_sent_from_where_it_is() -> None:
    buffer = bytearray(b"x" * 65_536)
    encoded = encode_output(buffer)
    assert isinstance(encoded, memoryview)
    assert encoded.tobytes() == buffer
    with pytest.raises(BufferError):
        buffer.append(0)
    del encoded
    buffer.append(0)


def test_buffers_may_be_written_to_again() -> None:
    buffer = bytearray(b"first")
    encoded = [encode_output(buffer), encode_output(memoryview(buffer))]
    buffer[:] = b"other"
    assert encoded == [b"first", b"first"]


@pytest.mark.parametrize(
    "output",
    [object(), {"a": {1, 2}}, {(1,): 2}, circular(), deep_list(), "\ud800"],
    ids=["object", "set", "tuple-key", "circular", "deep", "surrogate"],
)
def test_unsupported_outputs(output: object) -> None:
    with pytest.raises(OutputError) as info:
        encode_output(output)
    assert (info.value.code, info.value.message) == (503, "Unsupported model output data type.")
    assert str(info.value).startswith("Unsupported model output data type. (")


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_json_is_what_the_json_module_writes(value: object) -> None:
    expected = value if isinstance(value, str) else json.dumps(value, indent=2)
    assert encode_output(value) == expected.encode()


def test_a_list_of_the_right_length() -> None:
    outputs = ["a", None]
    assert check_outputs(outputs, 2) is outputs


@pytest.mark.parametrize(
    ("outputs", "message", "detail"),
    [
        (None, "Invalid model predict output", "returned NoneType, not a list"),
        (("a", "b"), "Invalid model predict output", "returned tuple, not a list"),
        ([], "number of batch response mismatched", "returned 0 outputs for 2 requests"),
        ([1, 2, 3], "number of batch response mismatched", "returned 3 outputs for 2 requests"),
    ],
)
def test_wrong_lists(outputs: object, message: str, detail: str) -> None:
    with pytest.raises(OutputError, match=detail) as info:
        check_outputs(outputs, 2)
    assert (info.value.code, info.value.message) == (503, message)


def test_nothing_set() -> None:
    assert response_head(RequestProcessor({})) is DEFAULT_HEAD
    assert DEFAULT_HEAD == (200, "", ())


@pytest.mark.parametrize("phrase", [None, ""])
def test_default_status_set(phrase: str | None) -> None:
    assert response_head(processor(200, phrase)) == DEFAULT_HEAD


def test_everything_set() -> None:
    head = response_head(processor(404, "Träge", {"X-A": "a\tb", "x-b": "é"}))
    assert head == (404, "Träge", (("X-A", "a\tb"), ("x-b", "é")))


def test_names_that_differ_in_case_are_one_header() -> None:
    head = response_head(processor(headers={"content-type": "a", "X": "1", "Content-Type": "b"}))
    assert head.headers == (("Content-Type", "b"), ("X", "1"))


def test_a_content_type_in_capitals_stays() -> None:
    head = response_head(processor(headers={"Content-Type": "b", "content-type": "a"}))
    assert head.headers == (("Content-Type", "b"),)


def test_values_beyond_latin_1_lose_characters() -> None:
    head = response_head(processor(headers={"X-A": "ü \u20ac"}))
    assert head.headers == (("X-A", "ü ?"),)


@pytest.mark.parametrize(
    ("code", "status"),
    [(200, 200), (999, 999), (HTTPStatus.GONE, 410), (Index(), 404), (None, 200)],
)
def test_statuses(code: object, status: int) -> None:
    found = response_head(processor(code)).status
    assert (found, type(found)) == (status, int)


@pytest.mark.parametrize("code", [0, 50, 100, 101, 199, 1000, -1, True, "200", 200.0])
def test_statuses_that_are_refused(code: object) -> None:
    with pytest.raises(OutputError, match="expected an integer from 200 to 999") as info:
        response_head(processor(code))
    assert info.value.code == 500
    assert info.value.message == "Invalid response status or headers."


@pytest.mark.parametrize("text", ["a\r\nb: c", "a\n", "\r", "a\0", "\x1b[2J", "\u20ac\n", 7, b"a"])
def test_texts_that_are_refused(text: object) -> None:
    with pytest.raises(OutputError, match="header 'X-A': expected text") as info:
        response_head(processor(headers={"X-A": text}))
    assert info.value.code == 500
    with pytest.raises(OutputError, match=r"reason phrase .* expected Latin-1 text"):
        response_head(processor(200, text))


def test_a_reason_phrase_beyond_latin_1_is_refused() -> None:
    with pytest.raises(OutputError, match=r"reason phrase .* expected Latin-1 text"):
        response_head(processor(200, "\u20ac"))


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "é", "a\n", 7, b"a"])
def test_names_that_are_refused(name: object) -> None:
    with pytest.raises(OutputError, match="expected a token of RFC 9110"):
        response_head(processor(headers={name: "x"}))


@given(st.dictionaries(st.text(), st.text()), st.text())
def test_what_is_accepted_can_be_sent(headers: dict[str, str], phrase: str) -> None:
    try:
        head = response_head(processor(200, phrase, headers))
    except OutputError:
        return
    wire = "".join([head.phrase, *(f"{name}: {value}" for name, value in head.headers)])
    assert not set(wire.encode("latin-1")) & set(b"\r\n\0")


@pytest.mark.parametrize(
    ("exception", "failure"),
    [
        (PredictionException("too dark"), (500, "too dark")),
        (PredictionException("nö", 599), (599, "nö")),
        (PredictionException("fine", 200), (200, "fine")),
        (PredictionException("x", 99), (500, "x")),
        (PredictionException("x", "404"), (500, "x")),  # type: ignore[arg-type]  # the case
        (PredictionException(12), (500, "12")),  # type: ignore[arg-type]  # the case
        (PredictionException("\ud800"), (500, "\\ud800")),
        (MemoryError(), (507, "Out of resources")),
        (ValueError("secret"), (503, "Prediction failed")),
    ],
)
def test_failures(exception: Exception, failure: tuple[int, str]) -> None:
    assert failure_of(exception) == failure


def test_a_message_without_text(caplog: pytest.LogCaptureFixture) -> None:
    error = PredictionException(Unprintable(), 400)  # type: ignore[arg-type]  # the case
    assert failure_of(error) == Failure(400, "Prediction failed")
    assert "The message of a PredictionException has no text" in caplog.text


def test_a_subclass_that_sets_nothing() -> None:
    class Silent(PredictionException):
        def __init__(self) -> None:
            pass

    assert failure_of(Silent()) == Failure(500, "Prediction failed")
