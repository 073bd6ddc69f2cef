from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.config.properties import parse_properties


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1\nb : 2\nc 3\nd", {"a": "1", "b": "2", "c": "3", "d": ""}),
        ("# no\n! no\n\n   \t\n  a = x # y", {"a": "x # y"}),
        ("a=1\r\nb=2\rc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=1\na=2", {"a": "2"}),
        ("models=one,\\\n    two,\\\n    three", {"models": "one,two,three"}),
        ("a=x\\\n# not a comment\nb=1", {"a": "x# not a comment", "b": "1"}),
        ("a=even\\\\\nb=1", {"a": "even\\", "b": "1"}),
        (r"k\:e\=y\ s=v", {"k:e=y s": "v"}),
        (r"a=\t\n\u0041\q", {"a": "\t\nAq"}),
        ("a==b", {"a": "=b"}),
        ("a = = b", {"a": "= b"}),
        ("a=trailing  ", {"a": "trailing  "}),
        ("=v", {"": "v"}),
        ("a=last\\", {"a": "last"}),
    ],
)
def test_reads_as_java_does(text: str, expected: dict[str, str]) -> None:
    assert parse_properties(text) == expected


def test_refuses_a_broken_unicode_escape() -> None:
    with pytest.raises(ValueError, match="four hexadecimal digits"):
        parse_properties(r"a=\u12")


def escape(text: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in map(ord, text))


_BMP = st.text(st.characters(max_codepoint=0xD7FF), max_size=20)


@given(st.dictionaries(_BMP.filter(bool), _BMP))
def test_what_is_escaped_comes_back(properties: dict[str, str]) -> None:
    text = "\n".join(f"{escape(key)}={escape(value)}" for key, value in properties.items())
    assert parse_properties(text) == properties


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert all(isinstance(value, str) for value in parse_properties(text).values())
