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
from mms.worker.outbox import Outbox

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
    header = wire.HEADER.pack(wire.VERSION, wire.PREDICT, 1, len(meta), len(body), batch)
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


class Gathering:
    """A channel whose answers wait in an outbox, and the other end of its link."""

    def __init__(self) -> None:
        ours, self.front_end = socket.socketpair()
        self.words = memoryview(bytearray(wire.PAGE_BYTES)).cast("Q")
        self.channel = Channel(ours, Outbox(self.words))
        self.front_end.setblocking(False)

    def sent(self) -> bytes:
        """What has come since the last time."""
        try:
            return self.front_end.recv(1_000_000)
        except BlockingIOError:
            return b""


@pytest.fixture
def gathering() -> Iterator[Gathering]:
    made = Gathering()
    yield made
    made.channel.close()
    made.front_end.close()


def test_answers_wait_while_the_next_batch_is_here(gathering: Gathering) -> None:
    channel = gathering.channel
    gathering.front_end.sendall(predict(1, b"", b"one") + predict(2, b"", b"two"))
    channel.receive()
    channel.answer([b"first "], 0.00001)
    assert channel.receive().batch == 2
    channel.answer([b"second"], 0.00001)
    assert gathering.sent() == b""
    assert gathering.words[wire.PAGE_UNSENT] == len(b"first second")
    gathering.front_end.sendall(predict(3, b"", b"three"))
    assert channel.receive().batch == 3
    assert gathering.sent() == b"first second", "before it waited for the third"
    assert gathering.words[wire.PAGE_UNSENT] == 0


def test_answers_wait_for_little_work_only(gathering: Gathering) -> None:
    channel = gathering.channel
    channel.answer([b"slow"], 0.01)
    assert gathering.sent() == b"slow"
    for _ in range(3):
        channel.answer([b"."], 0.00009)
    assert gathering.sent() == b"..."
    channel.answer([b"."], 0.00009)
    assert gathering.sent() == b""


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([1, 100, 1500, 4072, 5000, 65_536])), max_size=30
    )
)
@settings(max_examples=50, deadline=None)
def test_answers_and_other_frames_keep_their_order(frames: list[tuple[bool, int]]) -> None:
    gathering = Gathering()
    expected = bytearray()
    received = bytearray()

    def receive() -> None:
        while data := gathering.front_end.recv(100_000):
            received.extend(data)

    gathering.front_end.setblocking(True)
    thread = threading.Thread(target=receive)
    thread.start()
    for number, (is_answer, size_bytes) in enumerate(frames):
        data = bytes([number]) * size_bytes
        expected += data
        if is_answer:
            gathering.channel.answer([data[:1], memoryview(data)[1:]], 0.00001)
        else:
            gathering.channel.send([data])
    gathering.channel.send([])
    gathering.channel.close()
    thread.join(timeout=30)
    gathering.front_end.close()
    assert received == expected
