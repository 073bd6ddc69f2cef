"""The connections of one listener that are open now, and what they share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mms_server.http.known_heads import KnownHeads

if TYPE_CHECKING:
    from mms_server.http.connection import Connection


class OpenConnections:
    """A set that can be waited for to become empty. Loop thread only."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()
        self._emptied = asyncio.Event()
        self.is_draining = False
        self.known_heads = KnownHeads()

    def __len__(self) -> int:
        return len(self._connections)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._connections))

    def add(self, connection: Connection) -> None:
        """Note a connection as open."""
        self._connections.add(connection)
        self._emptied.clear()

    def discard(self, connection: Connection) -> None:
        """Note a connection as closed."""
        self._connections.discard(connection)
        if not self._connections:
            self._emptied.set()

    def drain(self) -> None:
        """Drain those that are open, and those that were accepted but are not open yet."""
        self.is_draining = True
        for connection in self:
            connection.drain()

    async def wait_empty(self) -> None:
        """Wait until none is open."""
        if self._connections:
            await self._emptied.wait()
