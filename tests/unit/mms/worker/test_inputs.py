"""From parameters to what a handler is given."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms.worker.inputs import InputError, build_headers, build_input

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def decoded(content_type: str, value: bytes) -> Any:
    return build_input([("body", content_type, value)], decode=True)["body"]


@pytest.mark.parametrize(
    ("content_type", "value", "expected"),
    [
        ("application/json", b'{"a": [1, null]}', {"a": [1, None]}),
        ("application/json", b" NaN ", pytest.approx(float("nan"), nan_ok=True)),
        ("text/plain", b"gr\xc3\xbcn", "grün"),
        ("text/plain", b"", ""),
        ("textual", b"x", "x"),
        ("Application/JSON", b"{}", bytearray(b"{}")),
        ("application/json; charset=utf-8", b"{}", bytearray(b"{}")),
        ("TEXT/plain", b"x", bytearray(b"x")),
        ("image/png", b"\x89PNG", bytearray(b"\x89PNG")),
        ("", b"", bytearray()),
    ],
)
def test_decoding(content_type: str, value: bytes, expected: object) -> None:
    result = decoded(content_type, value)
    assert result == expected
    assert type(result) is type(expected) or not isinstance(expected, (str, bytearray))


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_without_decoding_all_is_bytearray(content_type: str) -> None:
    inputs = build_input([("body", content_type, b"\xff")], decode=False)
    assert repr(inputs) == r"{'body': bytearray(b'\xff')}"


def test_a_bytearray_is_not_copied() -> None:
    value = bytearray(b"x")
    assert build_input([("body", "", value)], decode=True)["body"] is value


def test_the_last_of_equal_names_stays() -> None:
    parameters = [("a", "", b"1"), ("b", "", b"2"), ("a", "text/plain", b"3")]
    assert build_input(parameters, decode=True) == {"a": "3", "b": bytearray(b"2")}


def test_no_parameters() -> None:
    assert build_input([], decode=True) == {}


@pytest.mark.parametrize(
    ("content_type", "value", "message"),
    [
        ("application/json", b"", "labelled application/json but is not valid JSON: it is empty"),
        ("application/json", b"{", "is not valid JSON: Expecting property name"),
        ("application/json", b"\xff", "application/json but is not UTF-8 text: invalid start byte"),
        ("application/json", b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM"),
        ("application/json", b"[" * 200_000, "is not valid JSON: maximum recursion depth"),
        ("text/csv", b"ab\xff", "labelled text/csv but is not UTF-8 text: .* at byte 2"),
    ],
    ids=["empty", "broken", "not-utf8", "bom", "deep", "text"],
)
def test_refused(content_type: str, value: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"^Input 'body' is .*{message}"):
        decoded(content_type, value)


def test_a_long_name_is_cut() -> None:
    with pytest.raises(InputError, match=f"^Input '{'n' * 60}...' is"):
        build_input([("n" * 999, "text/plain", b"\xff")], decode=True)


@given(JSON_VALUES)
def test_any_json(value: object) -> None:
    assert decoded("application/json", json.dumps(value).encode()) == value


@given(st.binary(), st.sampled_from(["application/json", "text/x", ""]))
def test_any_bytes_are_decoded_or_refused(value: bytes, content_type: str) -> None:
    try:
        result = decoded(content_type, value)
    except InputError:
        assert content_type
    else:
        assert content_type or result == value


def test_headers() -> None:
    parameters = [("body", "text/plain", b""), ("data", "", b"")]
    headers = [("Accept", "a"), ("accept", "b"), ("Accept", "c")]
    assert build_headers(parameters, headers) == {
        "body": {"content-type": "text/plain"},
        "data": {"content-type": ""},
        "Accept": "c",
        "accept": "b",
    }


def test_a_header_named_like_an_input_replaces_its_entry() -> None:
    assert build_headers([("body", "text/plain", b"")], [("body", "x")]) == {"body": "x"}
