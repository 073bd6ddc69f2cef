"""The connections to the server under load, and the requests that are on them or wait for one.

A fixed number is held open. At the start connections are opened at `OPENED_PER_S`; later those that
are missing at once, up to `_AGAIN_AT_ONCE`, for a server may end each with its answer; and while it
takes none, one is tried every `_PAUSE_S`. Requests take the connection that has rested longest, so
that all are used in turn, and wait where none is free. Every request that is sent is settled
exactly once: it is answered, or fails for a reason of a word or two.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final, Protocol

from mms_server.errors import ServiceUnavailableError
from mms_server.load.answers import Answer
from mms_server.load.connection import Connection, Request
from mms_server.load.target import Target

OPENED_PER_S: Final = 1_000
"""New connections a second: few enough for any server's backlog, and 10,000 in ten seconds."""

_TICK_S: Final = 0.01
_AGAIN_AT_ONCE: Final = 100
_PAUSE_S: Final = 0.1
_PATIENCE_S: Final = 5.0
"""How long connecting may take, beside the ramp."""


class Recorder(Protocol):
    """Who keeps the books (`mms_server.load.generator.Generator`)."""

    def answered(self, request: Request, answer: Answer) -> None:
        """Note an answer."""

    def failed(self, request: Request, reason: str) -> None:
        """Note that there will be none."""


@dataclass(slots=True)
class Connections:
    """What became of connections.

    `opened` are all that ever were, `at_start` those that were open before the first request, and
    `lost` those that the server closed without having said so in an answer, or cut.
    """

    wanted: int
    at_start: int = 0
    opened: int = 0
    lost: int = 0


class Pool:
    """Holds connections to one target. Loop thread only."""

    def __init__(self, target: Target, connections: int, recorder: Recorder) -> None:
        self.connections = Connections(connections)
        self.in_flight = 0
        """How many requests are not settled."""
        self._target = target
        self._recorder = recorder
        self._open: set[Connection] = set()
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        self._waiting: deque[Request] = deque()
        self._unsettled: deque[Request] = deque()  # in order, and settled ones until they lead it
        self._opening: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._has_missing = asyncio.Event()
        self._is_ready = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._problem = ""

    async def start(self) -> None:
        """Open all connections, or as many as the server takes within the ramp and 5 s.

        Raises ServiceUnavailableError if it takes none, at the first attempt or in that time.
        """
        host, port = await self._resolve()
        self._has_missing.set()
        self._keeper = asyncio.create_task(self._keep_open(host, port))
        try:
            async with asyncio.timeout(self.connections.wanted / OPENED_PER_S + _PATIENCE_S):
                await self._is_ready.wait()
        except TimeoutError:
            self._problem = self._problem or "no connection in time"
        self.connections.at_start = len(self._open)
        if not self._open:
            raise ServiceUnavailableError(f"{host}:{port} takes no connection: {self._problem}.")

    def send(self, request: Request) -> bool:
        """Send a request now, or as soon as a connection is free; says whether it was now.

        It fails at once if there is no connection and the server takes none.
        """
        self.in_flight += 1
        self._unsettled.append(request)
        if self._idle:
            connection, _ = self._idle.popitem(last=False)
            connection.send(request, self._target.request)
            return True
        self._waiting.append(request)
        if self._problem and not self._open:
            self._fail_waiting()
        return False

    def expire(self, before_s: float) -> None:
        """Give up on requests whose intended start was before that."""
        while self._unsettled:
            request = self._unsettled[0]
            if not request.is_settled:
                if request.at_s >= before_s:
                    return
                self._give_up(request, "timeout")
            self._unsettled.popleft()

    def interrupt(self) -> None:
        """Give up on every request."""
        for request in self._unsettled:
            if not request.is_settled:
                self._give_up(request, "interrupted")
        self._unsettled.clear()

    async def close(self) -> None:
        """Close every connection, and wait until they are."""
        tasks = [*self._opening, *([self._keeper] if self._keeper else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._open:
            self._is_empty.clear()
            for connection in self._open:
                connection.end()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._is_empty.wait()

    # From the connections (`mms_server.load.connection.Owner`).

    def opened(self, connection: Connection) -> None:
        """Use a new connection."""
        self._problem = ""
        self.connections.opened += 1
        self._open.add(connection)
        self._use(connection)
        if len(self._open) >= self.connections.wanted:
            self._is_ready.set()

    def answered(self, connection: Connection, request: Request, answer: Answer) -> None:
        """Settle a request, and use its connection again unless it ends here."""
        self._settle(request)
        self._recorder.answered(request, answer)
        if not answer.is_last:
            self._use(connection)

    def lost(self, connection: Connection, reason: str) -> None:
        """Fail what was on a connection, and open another one."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._has_missing.set()
        self.connections.lost += bool(reason)
        request, connection.request = connection.request, None
        if request is not None:
            self._settle(request)
            self._recorder.failed(request, reason)
        if not self._open:
            self._is_empty.set()

    # Requests.

    def _use(self, connection: Connection) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            if not request.is_settled:
                connection.send(request, self._target.request)
                return
        self._idle[connection] = None

    def _settle(self, request: Request) -> None:
        request.is_settled = True
        request.connection = None
        self.in_flight -= 1

    def _give_up(self, request: Request, reason: str) -> None:
        connection = request.connection
        self._settle(request)
        self._recorder.failed(request, reason if connection else f"{reason}, unsent")
        if connection is not None:
            connection.request = None
            connection.end()  # the answer may still come, and would be taken for the next one's

    def _fail_waiting(self) -> None:
        while self._waiting:
            request = self._waiting.popleft()
            if not request.is_settled:
                self._settle(request)
                self._recorder.failed(request, self._problem)

    # Connecting.

    async def _resolve(self) -> tuple[str, int]:
        """Find the first address of the host that takes a connection: `localhost` may have two."""
        host, port = self._target.host, self._target.port
        loop = asyncio.get_running_loop()
        try:
            infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise ServiceUnavailableError(f"{host}: {exc.strerror}.") from exc
        addresses = [str(info[4][0]) for info in infos]
        for address in addresses[:-1]:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(_PATIENCE_S):
                    transport, _ = await loop.create_connection(asyncio.Protocol, address, port)
                transport.abort()
                return address, port
        return addresses[-1], port

    async def _keep_open(self, host: str, port: int) -> None:
        """Open what is missing, at the rate that `OPENED_PER_S` allows."""
        while True:
            await self._has_missing.wait()
            missing = self.connections.wanted - len(self._open) - len(self._opening)
            if missing <= 0 and not self._opening:
                self._has_missing.clear()
            again = _AGAIN_AT_ONCE if self._is_ready.is_set() else round(OPENED_PER_S * _TICK_S)
            at_once = 1 if self._problem else again
            for _ in range(min(missing, at_once)):
                task = asyncio.create_task(self._connect(host, port))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
            await asyncio.sleep(_PAUSE_S if self._problem else _TICK_S)

    async def _connect(self, host: str, port: int) -> None:
        connection = Connection(self)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.get_running_loop().create_connection(lambda: connection, host, port)
        except OSError as exc:  # a TimeoutError is one, without a number
            self._problem = os.strerror(exc.errno).lower() if exc.errno else "no connection in time"
            self._forget(connection)
        except asyncio.CancelledError:
            self._forget(connection)
            raise

    def _forget(self, connection: Connection) -> None:
        """Note that a connection is not to be had.

        It may have been opened already: uvloop closes one whose opening is cancelled then, and does
        not tell its protocol.
        """
        self.lost(connection, "closed")
        if not self._open:
            self._fail_waiting()
        if not self.connections.opened:
            self._is_ready.set()
