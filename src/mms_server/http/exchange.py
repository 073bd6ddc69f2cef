"""One request's way through a connection: who answers it, and how the answer goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mms_server.errors import MMSError
from mms_server.http.request import Chunk, Request

if TYPE_CHECKING:
    from mms_server.http.connection import Connection


class Application(Protocol):
    """What answers the requests of a listener. All calls come on the loop's thread."""

    def preview(self, request: Request, exchange: Exchange) -> None:
        """See a request whose body is still to come; may answer it now, or set its consumer."""

    def handle(self, request: Request, exchange: Exchange) -> None:
        """Answer a whole request through the exchange, now or later, exactly once."""

    def reject(self, error: MMSError, exchange: Exchange) -> None:
        """Answer what is no proper request."""


class Waiter(Protocol):
    """Who works for a client."""

    def client_gone(self) -> None:
        """Hear that it has gone before it was answered."""


class Exchange:
    """One request's way back to its client.

    `waiter` hears once if the client goes before it was answered; after that, and after `respond`,
    the exchange ignores answers.
    """

    __slots__ = ("_connection", "began", "is_open", "request", "waiter")

    def __init__(self, connection: Connection, request: Request | None) -> None:
        self._connection = connection
        self.request = request
        self.began = 0.0
        """When the request was whole, on the loop's clock; kept only for an observer."""
        self.is_open = True
        self.waiter: Waiter | None = None

    @property
    def peer(self) -> bytes:
        """The client's address as `host:port`, for logs."""
        return self._connection.peer

    def respond(self, line: bytes, fields: bytes, body: list[Chunk], close: bool = False) -> None:
        """Answer: a status line, ready field lines and the body's chunks; framing is added here.

        Content-Length is right and the body left out for HEAD (RFC 9110 section 9.3.2). `close`
        ends the connection after this answer. The chunks must not be changed afterwards.
        """
        if self.is_open:
            self.is_open = False
            self.waiter = None  # it may lead back here: without it there is no cycle to collect
            self._connection.write_response(self, line, fields, body, close)
