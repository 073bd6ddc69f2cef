"""One connection to the server under load: the asyncio driver around `AnswerReader`."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from mms_server.load.answers import Answer, AnswerError, AnswerReader


class Request:
    """One request on its way: `at_s` is its intended start, on the generator's clock."""

    __slots__ = ("at_s", "connection", "is_settled", "phase")

    def __init__(self, at_s: float, phase: int) -> None:
        self.at_s = at_s
        self.phase = phase
        self.connection: Connection | None = None
        self.is_settled = False


class Owner(Protocol):
    """Who hears what becomes of a connection (`mms_server.load.pool.Pool`)."""

    def opened(self, connection: Connection) -> None:
        """Hear that it can be used."""

    def answered(self, connection: Connection, request: Request, answer: Answer) -> None:
        """Hear of an answer; unless it is the last, the connection can be used again."""

    def lost(self, connection: Connection, reason: str) -> None:
        """Hear, once or more, that it is closed; `reason` is empty where that was to be."""


class Connection(asyncio.Protocol):
    """Carries one request at a time. Loop thread only."""

    __slots__ = ("_is_ended", "_owner", "_reader", "_reason", "_transport", "request")

    _transport: asyncio.Transport

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._reader = AnswerReader()
        self._reason = ""
        self._is_ended = False
        self.request: Request | None = None
        """What is to be answered next."""

    def send(self, request: Request, data: bytes) -> None:
        """Send a request; the one before must have been answered."""
        self.request = request
        request.connection = self
        self._transport.write(data)

    def end(self, reason: str = "") -> None:
        """Cut the connection; the owner hears of it with this reason."""
        self._reason = reason
        self._is_ended = True
        self._transport.abort()

    # The transport's callbacks.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Tell the owner."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are that by shape only
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._is_ended:
            return
        try:
            answer = self._reader.feed(data)
        except AnswerError:
            self.end("bad answer")
            return
        if answer is not None:
            self._deliver(answer)

    def eof_received(self) -> bool:
        """Take the answer that ends here, if any does; the connection is closed either way."""
        if not self._is_ended:
            answer = self._reader.finish()
            if answer is not None:
                self._deliver(answer)
            else:
                self._owner.lost(self, "closed")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner, in a word, what happened."""
        reason = self._reason
        if not self._is_ended:
            reason = "reset" if isinstance(exc, ConnectionResetError) else "closed"
        self._owner.lost(self, reason)

    def _deliver(self, answer: Answer) -> None:
        request, self.request = self.request, None
        if request is None:
            self.end("bad answer")
            return
        if answer.is_last:
            self._is_ended = True
            self._transport.close()
        self._owner.answered(self, request, answer)
