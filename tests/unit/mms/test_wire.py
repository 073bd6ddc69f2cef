from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms import wire
from mms.wire import FrameReader, Result, WireError


def test_a_predict_byte_by_byte() -> None:
    job = wire.encode_job(b"id", 1500, b"Host\0h", [(b"body", b"text/plain", 5, None)])
    head = wire.encode_predict_head(7, [job], 5)
    assert head == (
        b"\x01\x04\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x29\x00\x00\x00\x05"
        b"\x00\x00\x05\xdc\x02\x00\x01\x00\x00\x00\x06idHost\0h"
        b"\x00\x04\x00\x0a\x00\x00\x00\x05bodytext/plain"
    )
    (frame,) = FrameReader().feed(head + b"hello")
    assert (frame.kind, frame.position, frame.batch, frame.body) == (4, 1, 7, [b"hello"])
    (message,) = wire.decode_predict(frame.position, frame.meta, b"".join(frame.body))
    assert message == ("id", 1500, b"Host\0h", [("body", "text/plain", b"hello")])


def test_a_result_byte_by_byte() -> None:
    result = Result(wire.ANSWERED, 200, b"OK", b"a\0b", 12, True)
    head = wire.encode_result_head(7, 2, result, 1)
    assert head == (
        b"\x01\x05\x00\x02\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x13\x00\x00\x00\x01"
        b"\x00\x01\x00\xc8\x00\x02\x00\x00\x00\x03\x00\x00\x00\x0cOKa\0b"
    )
    (frame,) = FrameReader().feed(head + b"!")
    assert (frame.kind, frame.position, frame.batch, frame.body) == (5, 2, 7, [b"!"])
    assert wire.decode_result(frame.meta) == result


fields = st.lists(st.binary(max_size=8).filter(lambda b: b"\0" not in b), max_size=8)
values = st.lists(st.tuples(st.text(max_size=5), st.sampled_from(["", "text/plain"]), st.binary()))


@given(
    st.lists(st.tuples(fields, values, st.integers(0, wire.NO_DEADLINE)), min_size=1, max_size=4)
)
def test_batches_come_back_as_they_went(
    jobs: list[tuple[list[bytes], list[tuple[str, str, bytes]], int]],
) -> None:
    heads, body = [], b""
    for number, (names, parameters, remaining_ms) in enumerate(jobs):
        rows = [(n.encode(), t.encode(), len(v), None) for n, t, v in parameters]
        block = wire.join_fields(names)
        heads.append(wire.encode_job(b"%d" % number, remaining_ms, block, rows))
        body += b"".join(value for _, _, value in parameters)
    head = wire.encode_predict_head(1, heads, len(body))
    (frame,) = FrameReader().feed(head + body)
    decoded = wire.decode_predict(frame.position, frame.meta, bytearray(body))
    assert [message.request_id for message in decoded] == [str(n) for n in range(len(jobs))]
    for message, (names, parameters, remaining_ms) in zip(decoded, jobs, strict=True):
        assert message.remaining_ms == remaining_ms
        assert message.fields == b"\0".join(names)
        assert [tuple(each) for each in message.parameters] == parameters


STREAM = b"".join(
    [
        wire.encode_json(wire.HELLO, {"pid": 1}),
        wire.encode_result_head(1, 0, Result(0, 200, b"", b"", 1, True), 3) + b"abc",
        wire.encode_result_head(2, 0, Result(0, 200, b"", b"", 1, True), 0),
        wire.encode_result_head(3, 0, Result(0, 200, b"p", b"n\0v", 1, True), 200) + b"x" * 200,
        wire.encode(wire.BYE),
    ]
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_any_split_gives_the_same_frames(cuts: list[int]) -> None:
    reader = FrameReader()
    seen = []
    for start, end in itertools.pairwise([0, *sorted(cuts), len(STREAM)]):
        seen += reader.feed(STREAM[start:end])
    assert [(f.kind, f.batch, b"".join(f.body)) for f in seen] == [
        (wire.HELLO, 0, b""),
        (wire.RESULT, 1, b"abc"),
        (wire.RESULT, 2, b""),
        (wire.RESULT, 3, b"x" * 200),
        (wire.BYE, 0, b""),
    ]


def test_a_large_body_stays_in_the_pieces_it_came_in() -> None:
    head = wire.encode_result_head(1, 0, Result(0, 200, b"", b"", 1, True), 3000)
    reader = FrameReader()
    pieces = [b"a" * 1000, b"b" * 1000, b"c" * 1000]
    assert reader.feed(head + pieces[0]) == []
    assert reader.feed(pieces[1]) == []
    (frame,) = reader.feed(pieces[2])
    assert frame.body == pieces
    assert frame.body[1] is pieces[1]


@pytest.mark.parametrize("data", [b"HTTP/1.1 400 Bad Request\r\n", b"\x02" + bytes(30)])
def test_another_protocol_is_refused(data: bytes) -> None:
    with pytest.raises(WireError, match="expected a frame of protocol version 1"):
        FrameReader().feed(data)


def test_fields_cross_unchanged_and_nothing_is_smuggled() -> None:
    assert wire.split_fields(wire.join_fields([b"A", b"1", b"b", b"\xe9"])) == [
        ("A", "1"),
        ("b", "\xe9"),
    ]
    assert wire.split_fields(b"") == []
    with pytest.raises(ValueError, match="NUL"):
        wire.join_fields([b"a", b"x\0y"])


@pytest.mark.parametrize("meta", [b"", b"[]", b"{", b"\xff"])
def test_control_messages_are_objects(meta: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode_json(meta)
