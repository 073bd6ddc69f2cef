from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mms import wire
from mms.worker.channel import Channel

MESSAGES = st.lists(
    st.tuples(
        st.integers(0, 0xFFFF),
        st.sampled_from([0, 1, 40, 66_000, 150_000]),
        st.sampled_from([0, 1, 40, 65_535, 65_536, 300_000]),
    ),
    min_size=1,
    max_size=5,
)


@contextlib.contextmanager
def connected() -> Iterator[tuple[Channel, socket.socket]]:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    try:
        yield channel, theirs
    finally:
        channel.close()
        theirs.close()


@contextlib.contextmanager
def sent_in_pieces(sock: socket.socket, data: bytes, piece_bytes: int) -> Iterator[None]:
    def send() -> None:
        for at in range(0, len(data), piece_bytes):
            sock.sendall(data[at : at + piece_bytes])
        sock.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join(timeout=30)


def predict(batch: int, meta: bytes, body: bytes) -> bytes:
    header = wire.HEADER.pack(wire.VERSION, wire.PREDICT, 1, batch, len(meta), len(body))
    return header + meta + body


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.sampled_from([500, 65_536, 1_000_000]))
def test_messages_come_whole_however_they_are_cut(
    messages: list[tuple[int, int, int]], piece_bytes: int
) -> None:
    sent = [(n, bytes([n % 251]) * m, bytes([n % 253]) * b) for n, m, b in messages]
    stream = b"".join(predict(*message) for message in sent)
    with connected() as (channel, front_end), sent_in_pieces(front_end, stream, piece_bytes):
        seen = [channel.receive() for _ in sent]
        assert [(m.batch, m.meta, bytes(m.body)) for m in seen] == sent
        assert {type(m.body) for m in seen} == {bytearray}
        with pytest.raises(EOFError):
            channel.receive()


def test_bodies_are_buffers_of_their_own() -> None:
    with connected() as (channel, front_end):
        front_end.sendall(predict(1, b"", b"first") + predict(2, b"", b"second"))
        first, second = channel.receive(), channel.receive()
        first.body[:] = b"overwritten"
        assert second.body == b"second"


def test_another_version_is_refused() -> None:
    with connected() as (channel, front_end):
        front_end.sendall(b"\x09" + bytes(wire.HEADER.size))
        with pytest.raises(wire.WireError, match="protocol version 9"):
            channel.receive()


@pytest.mark.parametrize("cut", [0, 3, 30, 70_000])
def test_a_front_end_that_is_gone(cut: int) -> None:
    stream = predict(1, b"meta", b"x" * 100_000)[:cut]
    with (
        connected() as (channel, front_end),
        sent_in_pieces(front_end, stream, 1000),
        pytest.raises(EOFError, match="closed the link"),
    ):
        channel.receive()


@given(st.lists(st.sampled_from([0, 10, 65_535, 65_536, 200_000]), max_size=6))
@settings(max_examples=30, deadline=None)
def test_what_is_sent_arrives_in_order(sizes: list[int]) -> None:
    contents = [bytes([n]) * size for n, size in enumerate(sizes)]
    buffers = [memoryview(each) if len(each) > 65_536 else each for each in contents]
    received = bytearray()
    with connected() as (channel, front_end):

        def receive() -> None:
            while data := front_end.recv(100_000):
                received.extend(data)

        thread = threading.Thread(target=receive)
        thread.start()
        channel.send(buffers)
        channel.close()
        thread.join(timeout=30)
    assert received == b"".join(contents)
