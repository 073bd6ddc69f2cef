"""Connections: used in turn, replaced when lost, opened again when the server is back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from mms_server.load.answers import Answer
from mms_server.load.connection import Connection, Request
from mms_server.load.pool import Pool
from mms_server.load.target import make_target
from support.scripted import OK, answering, read_request, scripted


class Books:
    """Notes what becomes of requests."""

    def __init__(self) -> None:
        self.settled: asyncio.Queue[int | str] = asyncio.Queue()

    def answered(self, request: Request, answer: Answer) -> None:
        self.settled.put_nowait(answer.status)

    def failed(self, request: Request, reason: str) -> None:
        self.settled.put_nowait(reason)


async def test_connections_are_used_in_turn() -> None:
    used: list[int] = []

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            used.append(id(writer))
            writer.write(OK)

    books = Books()
    async with scripted(treat) as server:
        pool = Pool(make_target(server.url), 3, books)
        await pool.start()
        assert pool.connections.at_start == 3
        for _ in range(6):
            assert pool.send(Request(0.0, 0))
            assert await books.settled.get() == 200
        await pool.close()
    assert len(set(used)) == 3
    assert used[:3] == used[3:]


async def test_a_lost_connection_is_replaced() -> None:
    books = Books()
    async with scripted(answering(b"", then_close=True)) as server:
        pool = Pool(make_target(server.url), 1, books)
        await pool.start()
        for opened in (1, 2):
            pool.send(Request(0.0, 0))
            assert await books.settled.get() == "closed"
            assert (pool.connections.opened, pool.connections.lost) == (opened, opened)
        await pool.close()
    assert pool.in_flight == 0


async def test_while_nothing_listens_requests_fail_and_afterwards_they_do_not() -> None:
    books = Books()
    async with scripted(answering(OK, then_close=True)) as server:
        port = int(server.url.rstrip("/").rpartition(":")[2])
        pool = Pool(make_target(server.url), 1, books)
        await pool.start()
        assert pool.send(Request(0.0, 0))
        assert await books.settled.get() == 200
    while pool.connections.lost == 0:
        await asyncio.sleep(0.001)
    assert not pool.send(Request(0.0, 0))
    assert await books.settled.get() == "connection refused"
    async with scripted(answering(OK), port):
        while pool.connections.opened == 1:
            await asyncio.sleep(0.001)
        assert pool.send(Request(0.0, 0))
        assert await books.settled.get() == 200
        await pool.close()


async def test_requests_wait_in_order_and_expire_in_order() -> None:
    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    books = Books()
    async with scripted(treat) as server:
        pool = Pool(make_target(server.url), 1, books)
        await pool.start()
        assert [pool.send(Request(float(at_s), 0)) for at_s in range(3)] == [True, False, False]
        pool.expire(0.0)
        assert pool.in_flight == 3
        pool.expire(1.5)
        assert [books.settled.get_nowait() for _ in range(2)] == ["timeout", "timeout, unsent"]
        pool.interrupt()
        assert books.settled.get_nowait() == "interrupted, unsent"
        assert pool.in_flight == 0
        await pool.close()


class Hasty(Pool):
    """Cancels the opening of a connection at the moment when it is open."""

    def opened(self, connection: Connection) -> None:
        super().opened(connection)
        for task in self._opening:
            task.cancel()


@pytest.mark.parametrize("factory", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_connection_that_is_cancelled_while_it_opens_is_forgotten(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def load() -> int:
        async with scripted(answering(OK)) as server:
            pool = Hasty(make_target(server.url), 1, Books())
            await pool.start()
            await asyncio.gather(*pool._opening, return_exceptions=True)
            await pool.close()
            return len(pool._open)

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(load()) == 0
