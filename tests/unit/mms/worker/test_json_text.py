from __future__ import annotations

import enum
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms.worker.json_text import to_json


class Label(str):
    """A str to json.dumps."""


class Level(enum.IntEnum):
    HIGH = 3


KEYS = st.text() | st.integers() | st.booleans() | st.none() | st.floats() | st.text().map(Label)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(Level.HIGH)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(KEYS, inner)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_the_text_is_that_of_the_json_module(value: Any) -> None:
    assert to_json(value) == json.dumps(value, indent=2)


def test_breaks_in_a_text_are_not_those_between_items() -> None:
    assert to_json([{"a": "x,\n  y"}, {}]) == ('[\n  {\n    "a": "x,\\n  y"\n  },\n  {}\n]')


@pytest.mark.parametrize("value", [object(), {"a": [b"bytes"]}, {(1, 2): 3}, [{1, 2}]])
def test_what_has_no_form_in_json_raises_what_the_json_module_raises(value: object) -> None:
    with pytest.raises(TypeError) as expected:
        json.dumps(value, indent=2)
    with pytest.raises(TypeError) as seen:
        to_json(value)
    assert str(seen.value) == str(expected.value)


def test_a_list_that_holds_itself_is_refused() -> None:
    value: list[object] = [1]
    value.append(value)
    with pytest.raises((ValueError, RecursionError)):
        to_json(value)


def test_a_value_is_nested_as_deeply_as_the_json_module_can() -> None:
    value: list[Any] = []
    for _ in range(700):
        value = [value]
    assert to_json(value) == json.dumps(value, indent=2)
