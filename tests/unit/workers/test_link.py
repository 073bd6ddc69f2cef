from __future__ import annotations

import asyncio
import socket

import pytest

from mms import wire
from mms_server.workers.link import Link


def result(batch: int, body: bytes) -> bytes:
    head = wire.encode_result_head(batch, 0, wire.ANSWERED, 200, b"", b"", 1, True, len(body))
    return head + body


async def connect() -> tuple[Link, socket.socket, list[wire.Frame]]:
    ours, theirs = socket.socketpair()
    frames: list[wire.Frame] = []
    link = Link(ours, frames.append, frames.append)
    await link.connect()
    return link, theirs, frames


async def until(frames: list[wire.Frame], count: int) -> None:
    async with asyncio.timeout(20):
        while len(frames) < count:
            await asyncio.sleep(0.001)


async def test_frames_go_both_ways() -> None:
    link, worker, frames = await connect()
    worker.sendall(result(1, b"a") + result(2, b"b"))
    await until(frames, 2)
    assert [(frame.batch, frame.body) for frame in frames] == [(1, [b"a"]), (2, [b"b"])]
    link.send(wire.encode(wire.DRAIN))
    assert worker.recv(1000) == wire.encode(wire.DRAIN)
    link.close()
    await link.closed
    assert worker.recv(1) == b""
    worker.close()


async def test_what_may_wait_goes_out_together() -> None:
    link, worker, _ = await connect()
    worker.setblocking(False)
    link.send_batch([b"first"])
    assert worker.recv(1000) == b"first", "nothing is under way: it goes at once"
    for number in range(10):
        link.send_batch([b"%d" % number])
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        received = await asyncio.get_running_loop().sock_recv(worker, 1000)
    assert received == b"0123456789"
    for _ in range(11):
        link.batch_done()
    link.send_batch([b"last"])
    assert worker.recv(1000) == b"last"
    link.close()
    await link.closed
    worker.close()


async def test_large_batches_arrive_whole() -> None:
    link, worker, _ = await connect()
    body = b"x" * 5_000_000
    link.send_batch([b"head", body])
    worker.setblocking(False)
    received = b""
    async with asyncio.timeout(20):
        while len(received) < len(body) + 4:
            received += await asyncio.get_running_loop().sock_recv(worker, 1 << 20)
    assert received == b"head" + body
    link.close()
    await link.closed
    worker.close()


async def test_large_answers_arrive_whole_and_what_is_behind_them() -> None:
    link, worker, frames = await connect()
    bodies = [bytes([number]) * size for number, size in enumerate((5_000_000, 300_000, 7, 0))]
    sent = b"".join(result(number, body) for number, body in enumerate(bodies))
    worker.setblocking(False)
    async with asyncio.timeout(20):
        await asyncio.get_running_loop().sock_sendall(worker, sent)
    await until(frames, len(bodies))
    assert [b"".join(frame.body) for frame in frames] == bodies
    link.close()
    await link.closed
    worker.close()


@pytest.mark.parametrize("missing", [0, 1, 1_000_000])
async def test_a_worker_that_dies_in_a_large_answer(missing: int) -> None:
    """What is whole counts as answered, though the link failed before it was read; no more."""
    link, worker, frames = await connect()
    body = b"x" * 1_300_000
    sent = result(1, b"a") + result(2, body)
    worker.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)
    half = len(sent) // 2
    worker.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        await loop.sock_sendall(worker, sent[:half])
        await until(frames, 1)
        await loop.sock_sendall(worker, sent[half : len(sent) - missing])
        worker.close()
        for _ in range(3):
            link.send(wire.encode(wire.DRAIN))
        await link.closed
    assert [frame.batch for frame in frames] == ([1] if missing else [1, 2])
    assert b"".join(frames[-1].body) == (b"a" if missing else body)


async def test_a_large_answer_that_cannot_be_taken_ends_the_link() -> None:
    def refuse(frame: wire.Frame) -> None:
        raise wire.WireError("a result of nothing")

    ours, worker = socket.socketpair()
    link = Link(ours, refuse, refuse)
    await link.connect()
    worker.setblocking(False)
    async with asyncio.timeout(20):
        await asyncio.get_running_loop().sock_sendall(worker, result(1, b"x" * 1_000_000))
        await link.closed
    worker.close()


async def test_what_a_dying_worker_answered_is_not_lost() -> None:
    """The link fails in writing before it was read: the answers are still there."""
    link, worker, frames = await connect()
    worker.sendall(b"".join(result(number, b"x" * 1000) for number in range(1, 101)))
    worker.close()
    for _ in range(3):
        link.send(wire.encode(wire.DRAIN))
    async with asyncio.timeout(20):
        await link.closed
    assert [frame.batch for frame in frames] == list(range(1, 101))


async def test_a_worker_that_speaks_nonsense_is_let_go() -> None:
    link, worker, frames = await connect()
    worker.sendall(b"HTTP/1.1 200 OK, and so on and so forth\r\n")
    async with asyncio.timeout(20):
        await link.closed
    assert frames == []
    worker.close()


async def test_after_nonsense_nothing_is_read() -> None:
    link, worker, frames = await connect()
    link.data_received(b"HTTP/1.1 200 OK, and so on and so forth\r\n")
    worker.sendall(result(1, b"a"))
    async with asyncio.timeout(20):
        await link.closed
    assert frames == []
    worker.close()
