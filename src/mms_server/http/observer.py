"""Who is told of the answers that a listener's connections write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from asyncio import Transport

    from mms_server.http.exchange import Exchange


class Observer(Protocol):
    """Told of every answer. On the path of each request, so it must be quick; loop thread only."""

    def answered(self, exchange: Exchange, status: bytes, duration_s: float) -> None:
        """See an exchange whose answer is written, and the time since its request was whole."""


def name_peer(transport: Transport) -> bytes:
    """Name a client by its address, `host:port`; `unix` for a client on a Unix socket."""
    name = transport.get_extra_info("peername")
    return f"{name[0]}:{name[1]}".encode() if isinstance(name, tuple) else b"unix"
