from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.api.lenient_json import LIMIT_CHARACTERS, Value, parse_lenient

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
DOCUMENTS = st.recursive(
    st.none() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@given(DOCUMENTS, st.booleans())
def test_what_is_json_is_read_as_such(document: Value, is_ascii: bool) -> None:
    assert parse_lenient(json.dumps(document, ensure_ascii=is_ascii)) == document


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{'a': 'b', \"c\": \"d\"}", {"a": "b", "c": "d"}),
        ("{a: b, c: 1.50, d: -2e3}", {"a": "b", "c": "1.50", "d": "-2e3"}),
        ("{a=b; c=>d}", {"a": "b", "c": "d"}),
        (
            '{"a": true, "b": FALSE, "c": null, "d": "null"}',
            {"a": "true", "b": "false", "c": None, "d": "null"},
        ),
        ("# one\n{/* two\n */ 'a' // three\n : 'b'}", {"a": "b"}),
        (")]}'\n{'a': 'b'}", {"a": "b"}),
        ("\ufeff{}", {}),
        ("[1; , [], {}]", ["1", None, [], {}]),
        (r'"\u00e9\t\b\n\r\f\'\"\\\/"', "é\t\b\n\r\f'\"\\/"),
        ("{'a': 1, 'a': 2}", {"a": "2"}),
        ("7", "7"),
    ],
)
def test_what_gson_takes_besides(text: str, expected: Value) -> None:
    assert parse_lenient(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "a name or value is expected at character 1"),
        ("{", "a name or value is expected at character 2"),
        ("{a: 1,}", "a name or value is expected at character 7"),
        ("{a 1}", "':' is expected at character 4"),
        ("{a: 1 b: 2}", "',' or '}' is expected"),
        ("{a: /x}", "a name or value is expected at character 5"),
        ("[1 2]", "',' or ']' is expected"),
        ("{} {}", "the end is expected at character 4"),
        ('{"a": "b}', "a quoted text that ends is expected at character 7"),
        (r'"\x"', "no escape but those of JSON"),
        (r'"\u12"', "no escape but those of JSON"),
        ("/* {}", "a name or value is expected at character 1"),
        ("[" * 1000, "at most 100 levels"),
        (" " * LIMIT_CHARACTERS + "{}", "it is longer than"),
    ],
)
def test_what_gson_refuses(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_lenient(text)


@given(st.text(alphabet="{}[]:,;='\"\\/*#ab1 \n"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_lenient(text)
