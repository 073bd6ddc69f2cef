from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms import wire
from mms_server.workers.frame_reader import FrameReader

STREAMS = st.lists(
    st.one_of(
        st.tuples(st.just(wire.METRICS), st.just(0), st.binary(max_size=50), st.just(b"")),
        st.tuples(
            st.just(wire.RESULT),
            st.integers(0, 0xFFFF),
            st.binary(max_size=50),
            st.binary(max_size=300),
        ),
    ),
    max_size=6,
)


def frame(kind: int, position: int, batch: int, meta: bytes, body: bytes) -> bytes:
    header = wire.HEADER.pack(wire.VERSION, kind, position, len(meta), len(body), batch)
    return header + meta + body


@given(STREAMS, st.data())
def test_any_split_gives_the_same_frames(
    messages: list[tuple[int, int, bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(frame(kind, at, 5, meta, body) for kind, at, meta, body in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader = FrameReader()
    seen = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        if end > start:  # a socket never delivers nothing
            seen += reader.feed(stream[start:end])
    assert [(f.kind, f.position, f.meta, b"".join(f.body)) for f in seen] == messages


def test_byte_by_byte() -> None:
    stream = frame(wire.RESULT, 1, 2, b"meta", b"body") + wire.encode(wire.BYE)
    reader = FrameReader()
    seen = [f for value in stream for f in reader.feed(bytes([value]))]
    assert [(f.kind, f.meta, b"".join(f.body)) for f in seen] == [
        (wire.RESULT, b"meta", b"body"),
        (wire.BYE, b"", b""),
    ]


@given(st.integers(0, 30), st.integers(0, 30))
def test_the_rest_of_a_body_may_come_past_the_reader(cut: int, size: int) -> None:
    body = bytes(range(size))
    data = frame(wire.RESULT, 3, 9, b"meta", body)
    following = frame(wire.RESULT, 4, 9, b"", b"")
    cut = min(cut, size)
    reader = FrameReader()
    frames = reader.feed(data[: len(data) - cut])
    assert reader.missing_bytes == cut
    if cut:
        frames.append(reader.receive_rest([bytearray(body[size - cut :])]))
    frames += reader.feed(following)
    assert [(f.position, f.batch, f.meta, b"".join(f.body)) for f in frames] == [
        (3, 9, b"meta", body),
        (4, 9, b"", b""),
    ]


def test_a_large_body_stays_in_the_chunks_in_which_it_came() -> None:
    chunks = [bytes([n]) * 100_000 for n in range(5)]
    head = wire.HEADER.pack(wire.VERSION, wire.RESULT, 0, 1, 500_000, 1) + b"m"
    reader = FrameReader()
    assert reader.feed(head) == []
    for chunk in chunks[:-1]:
        assert reader.feed(chunk) == []
    (seen,) = reader.feed(chunks[-1])
    assert [id(chunk) for chunk in seen.body[:-1]] == [id(chunk) for chunk in chunks[:-1]]
    assert b"".join(seen.body) == b"".join(chunks)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(b"\x02" + wire.encode(wire.BYE)[1:], id="another version"),
        pytest.param(wire.HEADER.pack(1, 6, 0, wire.MAX_META_BYTES + 1, 0, 0), id="too much meta"),
    ],
)
def test_what_is_not_this_protocol(data: bytes) -> None:
    with pytest.raises(wire.WireError, match="expected a frame of protocol version 1"):
        FrameReader().feed(data)
