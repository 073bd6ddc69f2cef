from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from mms_server.receiver import Receiver


class KeptTransport(asyncio.Transport):
    """Knows whose it is; nothing else is asked of it."""

    def __init__(self) -> None:
        self.owner: asyncio.BaseProtocol | None = None

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self.owner is not None
        return self.owner

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.owner = protocol


class Owner(asyncio.Protocol):
    def __init__(self) -> None:
        self.progress = 0
        self.received: list[bytearray] | None = None
        self.ended = False

    def body_progressed(self) -> None:
        self.progress += 1

    def body_received(self, pieces: list[bytearray]) -> None:
        assert self.received is None
        self.received = pieces

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True


def put(receiver: Receiver, data: bytes) -> int:
    """Do what an event loop does with what it reads; returns how much it could read at once."""
    buffer = receiver.get_buffer(-1)
    taken = data[: len(buffer)]
    buffer[: len(taken)] = taken
    receiver.buffer_updated(len(taken))
    return len(taken)


def content(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@settings(deadline=None)
@given(st.integers(1, 5_000_000), st.lists(st.integers(5_000, 700_000), min_size=1, max_size=20))
def test_what_comes_in_any_pieces_is_the_same_and_no_more(size: int, reads: list[int]) -> None:
    data = content(size)
    transport, owner = KeptTransport(), Owner()
    receiver = Receiver(transport, owner, size)
    receiver.begin()
    assert transport.get_protocol() is receiver
    at = calls = 0
    while owner.received is None:
        at += put(receiver, data[at : at + reads[calls % len(reads)]])
        calls += 1
        assert owner.progress == calls - (at == size)
    assert at == size
    assert b"".join(owner.received) == data
    assert transport.owner is owner


@settings(deadline=None)
@given(st.integers(0, 3_000_000))
def test_memory_is_taken_by_what_came_not_by_what_was_announced(came: int) -> None:
    receiver = Receiver(KeptTransport(), Owner(), 100_000_000)
    at = largest = 0
    while at < came:
        largest = max(largest, len(receiver.get_buffer(-1)))
        at += put(receiver, bytes(came - at))
    assert len(receiver.get_buffer(-1)) <= max(64 * 1024, min(at, 1024 * 1024))
    assert largest <= 1024 * 1024


def test_what_has_come_is_kept_when_it_ends_early() -> None:
    transport, owner = KeptTransport(), Owner()
    receiver = Receiver(transport, owner, 1_000_000)
    receiver.begin()
    data = content(200_000)
    at = 0
    while at < len(data):
        at += put(receiver, data[at : at + 90_000])
    assert b"".join(receiver.end()) == data
    assert transport.owner is owner
    assert owner.received is None


def test_the_end_of_the_connection_is_passed_on() -> None:
    owner = Owner()
    receiver = Receiver(KeptTransport(), owner, 10)
    receiver.connection_lost(None)
    assert owner.ended
    assert not receiver.eof_received()
