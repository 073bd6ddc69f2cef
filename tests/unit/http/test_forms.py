from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.errors import BadRequestError
from mms_server.http.forms import (
    Field,
    MultipartReader,
    media_type,
    parse_query,
    parse_urlencoded,
)

TYPE = b"multipart/form-data; boundary=B"
PART = b"--B\r\nContent-Disposition: form-data; "
FORM = (
    PART
    + b'name="plain"\r\nContent-Type: text/html\r\n\r\nvalue\r\n'
    + PART
    + b'name="file"; filename="a.png"\r\n\r\n\x00\r\n--\r\n\xff\r\n'
    + PART
    + b'name="typed"; filename="b"\r\n'
    b"Content-Type: text/plain; charset=utf-8\r\n\r\n\r\n--B--\r\n"
)


def read(form: bytes, content_type: bytes = TYPE, limit: int = 10_000) -> list[Field]:
    reader = MultipartReader(content_type, limit)
    reader.feed(form)
    return reader.finish()


def test_parts_by_name_and_type() -> None:
    fields = [(f.name, f.content_type, b"".join(f.chunks)) for f in read(FORM)]
    assert fields == [
        ("plain", "", b"value"),
        ("file", "application/octet-stream", b"\x00\r\n--\r\n\xff"),
        ("typed", "text/plain", b""),
    ]


@given(st.lists(st.integers(0, len(FORM)), max_size=10))
def test_any_split_gives_the_same_parts(cuts: list[int]) -> None:
    reader = MultipartReader(TYPE, 10_000)
    edges = [0, *sorted(cuts), len(FORM)]
    for start, end in itertools.pairwise(edges):
        reader.feed(FORM[start:end])
    whole = [(f.name, b"".join(f.chunks)) for f in read(FORM)]
    assert [(f.name, b"".join(f.chunks)) for f in reader.finish()] == whole


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"garbage",
        FORM[:-4],
        FORM[: FORM.index(b"value")],
        b"--B--\r\n",
        b"--B\r\n\r\nno disposition\r\n--B--\r\n",
        b"--B\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--B--\r\n",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n'
        b"X: " + b"y" * 10_000 + b"\r\n\r\nv\r\n--B--\r\n",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n' * 1001 + b"--B--\r\n",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"v" * 10_001 + b"\r\n--B--",
    ],
)
def test_malformed_forms_are_the_clients_mistake(form: bytes) -> None:
    with pytest.raises(BadRequestError, match="Malformed multipart body"):
        read(form)


@pytest.mark.parametrize(
    "content_type", [b"multipart/form-data", b"multipart/form-data; boundary="]
)
def test_a_boundary_is_needed(content_type: bytes) -> None:
    with pytest.raises(BadRequestError, match="names no boundary"):
        MultipartReader(content_type, 100)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        fields = read(b"--B\r\n" + data)
    except BadRequestError:
        return
    assert fields


def test_queries_and_urlencoded_bodies() -> None:
    def pairs(fields: list[Field]) -> list[tuple[str, bytes]]:
        return [(f.name, b"".join(f.chunks)) for f in fields]

    assert pairs(parse_query(b"a=1&b&c=%41+%2B&&d=x=y")) == [
        ("a", b"1"),
        ("b", b""),
        ("c", b"A +"),
        ("d", b"x=y"),
    ]
    assert pairs(parse_query(b"a=1;b=2&=c&=#d=3")) == [("a", b"1"), ("b", b"2"), ("c", b"")]
    assert pairs(parse_urlencoded([b"a=1&al", b"one&b=2"])) == [
        ("a", b"1"),
        ("alone", b""),
        ("b", b"2"),
    ]
    assert pairs(parse_urlencoded([b"a=1;b#&last"])) == [("a", b"1;b#")]
    assert pairs(parse_urlencoded([b"a=1\r", b"\nb=2"])) == [("a", b"1")]
    assert pairs(parse_urlencoded([b"a=1\n"])) == [("a", b"1")]
    assert pairs(parse_query(b"raw=%ff")) == [("raw", b"\xff")]
    for broken in (b"a=%", b"a=%1", b"a=%zz", b"%ff=1"):
        with pytest.raises(BadRequestError):
            parse_query(broken)
    with pytest.raises(BadRequestError, match="without a name"):
        parse_urlencoded([b"=x&y=z"])


def test_media_types_lose_their_parameters() -> None:
    assert media_type(b"text/plain; charset=utf-8") == "text/plain"
    assert media_type(b"") == ""
