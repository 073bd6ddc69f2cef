"""TLS between a socket and its connection: a protocol to the loop, a transport to the connection.

The loop's own TLS cannot send the end of the output and go on reading, which a lingering close
needs; takes for sent what only lies in a buffer behind it, which hides from the connection's clocks
whether a client reads; and cuts an answer that is not read 30 s after `close`
(`asyncio.sslproto`, Python 3.11). Here a connection behaves over TLS as it does without.

    handshaking --Finished--> open --write_eof--> half closed --> closed
         |                     |     what still arrives is counted, no longer decrypted
         +----- error ---------+--> alert, closed
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Iterable
from typing import Any, cast

logger = logging.getLogger("mms_server.http")

_RECORD_BYTES = 16 * 1024
"""The most that one record holds (RFC 8446 section 5.1)."""

_AnyProtocol = asyncio.Protocol | asyncio.BufferedProtocol

_NOT_TLS = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
    b"This port speaks TLS: use https:// here.\n"
)


class TlsLayer(asyncio.Protocol):
    """Encrypts one accepted socket. `connect` makes its connection once the handshake is done.

    `handshakes` holds the layers whose handshake is going on; each has `timeout_s` for it.
    """

    __slots__ = (
        "_connect",
        "_connection",
        "_handshakes",
        "_has_eof",
        "_has_told_eof",
        "_incoming",
        "_is_half_closed",
        "_is_open",
        "_is_output_ended",
        "_is_reading",
        "_outgoing",
        "_timeout_s",
        "_timer",
        "_tls",
        "_transport",
    )

    _transport: asyncio.Transport

    def __init__(
        self,
        connect: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
        handshakes: set[TlsLayer],
        timeout_s: float,
    ) -> None:
        self._connect = connect
        # One that does nothing: there is none yet.
        self._connection: _AnyProtocol = asyncio.Protocol()
        self._handshakes = handshakes
        self._timeout_s = timeout_s
        self._timer: asyncio.TimerHandle | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._has_eof = False
        self._has_told_eof = False
        self._is_half_closed = False
        self._is_open = False
        self._is_output_ended = False
        self._is_reading = True

    # The loop's callbacks.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a handshake."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are that by shape only
        self._handshakes.add(self)
        self._timer = asyncio.get_running_loop().call_later(self._timeout_s, self.abort)

    def data_received(self, data: bytes) -> None:
        """Decrypt what is whole, and hand it on."""
        if self._is_half_closed:
            cast(asyncio.Protocol, self._connection).data_received(data)
        elif not self._has_eof:
            self._incoming.write(data)
            self._advance()

    def eof_received(self) -> bool:
        """Take a bare FIN for the end: HTTP itself knows what is whole (RFC 9112 section 9.8)."""
        self._has_eof = True
        self._advance()
        return True  # the connection has been asked, and what it wants been done

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on, and let go of the connection: the two hold each other."""
        self._end_handshake()
        connection, self._connection = self._connection, asyncio.Protocol()
        connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass on that the client does not read."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Pass on that it does again."""
        self._connection.resume_writing()

    # The connection's transport.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Ask the socket's transport."""
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand what is decrypted from now on to another protocol."""
        self._connection = cast(_AnyProtocol, protocol)

    def is_closing(self) -> bool:
        """Say whether nothing is read or taken for writing any more."""
        return self._transport.is_closing()

    def get_write_buffer_size(self) -> int:
        """Count what the kernel has not taken yet: encryption keeps nothing back."""
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        self.writelines((data,))

    def writelines(self, chunks: Iterable[bytes]) -> None:
        """Encrypt and send."""
        if self._is_output_ended or self.is_closing():
            return
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[self._tls.write(rest) :]
        self._flush()

    def pause_reading(self) -> None:
        """Leave what comes in the kernel."""
        self._is_reading = False
        if not self._has_eof:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on with what was left undecrypted, then with the kernel's."""
        self._is_reading = True
        if not self._has_eof:
            self._transport.resume_reading()
        if self._has_eof or self._is_pending():
            asyncio.get_running_loop().call_soon(self._advance)

    def can_write_eof(self) -> bool:
        """Say yes: `close_notify` ends one direction only (RFC 8446 section 6.1)."""
        return True

    def write_eof(self) -> None:
        """End the output. From here on the connection is told how much arrives, not what."""
        self._end_output()
        self._is_half_closed = True
        if not self.is_closing():
            self._transport.write_eof()

    def close(self) -> None:
        """Send what is left, then close.

        The client's `close_notify` is not waited for: neither side need (RFC 8446 section 6.1).
        """
        if not self.is_closing():
            self._end_output()
            self._transport.close()

    def abort(self) -> None:
        """Cut, whatever is left."""
        self._transport.abort()

    # Between the two.

    def _advance(self) -> None:
        try:
            if not self._is_open:
                self._shake_hands()
            self._read()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as exc:
            self._fail(exc)
            return
        self._flush()
        if self._has_eof and self._is_reading and not self._has_told_eof:
            self._has_told_eof = True
            if not self._connection.eof_received():
                self.close()

    def _shake_hands(self) -> None:
        """Go on with the handshake. Raises SSLWantReadError until it is done."""
        self._tls.do_handshake()
        self._end_handshake()
        self._is_open = True
        self._flush()
        self._connection = self._connect()
        self._connection.connection_made(cast(asyncio.Transport, self))  # by shape

    def _end_handshake(self) -> None:
        self._handshakes.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read(self) -> None:
        while self._is_pending() and self._is_reading and not self._has_eof:
            if self._is_half_closed or self.is_closing():
                return
            self._has_eof = not self._read_record()

    def _read_record(self) -> int:
        """Decrypt and hand on what one record holds; returns its size, 0 at the end."""
        connection = self._connection
        if isinstance(connection, asyncio.BufferedProtocol):
            buffer = cast(memoryview, connection.get_buffer(_RECORD_BYTES))
            size_bytes = cast(int, self._tls.read(min(len(buffer), _RECORD_BYTES), buffer))
            if size_bytes:
                connection.buffer_updated(size_bytes)
            return size_bytes
        data = self._tls.read(_RECORD_BYTES)
        if data:
            connection.data_received(data)
        return len(data)

    def _is_pending(self) -> bool:
        return self._incoming.pending > 0 or (self._is_open and self._tls.pending() > 0)

    def _end_output(self) -> None:
        if self._is_open and not self._is_output_ended:
            self._is_output_ended = True
            with contextlib.suppress(ssl.SSLError):  # the other side's end is not there yet
                self._tls.unwrap()
        self._flush()

    def _fail(self, exc: ssl.SSLError) -> None:
        """Close after an alert; a client that forgot the `s` of https can read why."""
        logger.debug("TLS with %s failed: %s", self.get_extra_info("peername"), exc)
        if self.is_closing():
            return
        if exc.reason == "HTTP_REQUEST":
            self._transport.write(_NOT_TLS)
        else:
            self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._outgoing.pending and not self.is_closing():
            self._transport.write(self._outgoing.read())
