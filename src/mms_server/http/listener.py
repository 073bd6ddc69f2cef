"""A listening socket and the connections it accepted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from mms_server.errors import ConfigError
from mms_server.http.connection import Connection
from mms_server.http.exchange import Application
from mms_server.http.file_limit import FileLimit
from mms_server.http.limits import Limits
from mms_server.http.observer import Observer
from mms_server.http.open_connections import OpenConnections
from mms_server.http.response import HeadRenderer, render_head
from mms_server.http.tls.layer import TlsLayer

if TYPE_CHECKING:
    from mms_server.http.tls.contexts import TlsContexts

BACKLOG = 4096
"""Linux caps it at `net.core.somaxconn`, 4096 by default since 5.4."""

_ACCEPTS = 8
"""How many connections are accepted before the loop goes on with those that are open. libuv accepts
one for each descriptor that is ready (since 1.45), so that a socket has as many here: with one, and
thousands of busy clients, a new one waited for seconds."""


class Listener:
    """Accepts connections for one application, over TLS where `tls` is given. Loop thread only."""

    def __init__(
        self,
        application: Application,
        limits: Limits,
        tls: TlsContexts | None = None,
        render: HeadRenderer = render_head,
        observer: Observer | None = None,
    ) -> None:
        self._application = application
        self._limits = limits
        self._tls = tls
        self._render = render
        self._observer = observer
        self._handshakes: set[TlsLayer] = set()
        self._connections = OpenConnections()
        self._file_limit = FileLimit()
        self._servers: list[asyncio.Server] = []
        self._socket_path: Path | None = None
        self.address = ""

    async def bind_tcp(self, host: str, port: int) -> None:
        """Listen on a TCP address; port 0 takes a free one, shown in `address`.

        Raises ConfigError when the address cannot be had.
        """
        name = f"{'http' if self._tls is None else 'https'}://{host}"
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            family, kind, protocol, _, sockaddr = infos[0]
            sock = socket.socket(family, kind, protocol)
        except OSError as exc:
            raise ConfigError(f"Failed to bind to address: {name}:{port} ({exc}).") from exc
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(sockaddr)
        except OSError as exc:
            sock.close()
            raise ConfigError(
                f"Failed to bind to address: {name}:{port} ({exc.strerror}). "
                "Stop what listens there, or choose another address in the configuration."
            ) from exc
        await self._serve(sock)
        self.address = f"{name}:{sock.getsockname()[1]}"

    async def bind_unix(self, path: Path) -> None:
        """Listen on a Unix socket, readable and writable by this user only.

        A socket that answers belongs to a live server and is refused with ConfigError; a dead one
        is removed.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _remove_dead_socket(path)
            mask = os.umask(0o177)
            try:
                sock.bind(str(path))
            finally:
                os.umask(mask)
        except OSError as exc:
            sock.close()
            raise ConfigError(f"Failed to bind to address: unix:{path} ({exc.strerror}).") from exc
        except ConfigError:
            sock.close()
            raise
        self._socket_path = path
        await self._serve(sock)
        self.address = f"unix:{path}"

    async def _serve(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        create = loop.create_unix_server if sock.family == socket.AF_UNIX else loop.create_server
        self._servers.append(await create(self._accept, sock=sock, backlog=BACKLOG))
        while len(self._servers) < _ACCEPTS:  # once it listens: if it cannot, none is left open
            self._servers.append(await create(self._accept, sock=sock.dup(), backlog=BACKLOG))

    def _accept(self) -> asyncio.Protocol:
        self._file_limit.check(len(self._connections))
        if self._tls is None:
            return self._connect()
        timeout_s = self._limits.handshake_timeout_s
        return TlsLayer(self._connect, self._tls.current, self._handshakes, timeout_s)

    def _connect(self) -> Connection:
        return Connection(
            self._application, self._limits, self._connections, self._render, self._observer
        )

    def stop_accepting(self) -> None:
        """Close the socket; answer what has been asked, then close each connection."""
        while self._servers:
            self._servers.pop().close()
        if self._socket_path is not None:
            with contextlib.suppress(FileNotFoundError):
                self._socket_path.unlink()
            self._socket_path = None
        for layer in list(self._handshakes):
            layer.abort()  # nothing has been asked there yet
        self._connections.drain()

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def wait_closed(self) -> None:
        """Wait until every connection is closed."""
        await self._connections.wait_empty()

    def abort(self) -> None:
        """Cut every connection that is left."""
        for connection in self._connections:
            connection.abort()


def _remove_dead_socket(path: Path) -> None:
    """Free a path that a server left behind when it was killed."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError(f"Failed to bind to address: unix:{path} (a live server listens there).")
