"""One client connection: the asyncio driver around the parser.

One request at a time, answers in order (RFC 9112 section 9.3.2). Everything runs on the loop's
thread. On the common path - a whole request in one read - there is no task, future or timer:
`data_received` calls the application, and the answer is written from wherever it becomes known.

    idle --bytes--> parsing --request--> serving --respond--> idle
                       |                    |
                       +---error/early------+--> lingering --> closed
"""

from __future__ import annotations

import asyncio
import logging
from socket import SO_ERROR, SOL_SOCKET
from typing import Final, cast

from mms_server.errors import RequestTimeoutError
from mms_server.http.exchange import Application, Exchange
from mms_server.http.limits import Limits
from mms_server.http.observer import Observer, name_peer
from mms_server.http.open_connections import OpenConnections
from mms_server.http.parser import RequestParser
from mms_server.http.request import Chunk, Request
from mms_server.http.response import CONTINUE, HeadRenderer, render_head
from mms_server.receiver import LARGE_BYTES, Receiver

logger = logging.getLogger("mms_server.http")

_WITHOUT_CONTENT: Final = (b"204", b"304")
"""RFC 9110 section 6.4.1: a client takes what follows such a head for the next answer."""

_LAST_DIGIT: Final = 11
_FOUR: Final = ord("4")

_JOIN_BYTES: Final = 64 * 1024
"""Bodies up to here are joined to the head: one small copy is cheaper than a gathered write."""

_PROBE_AFTER_S = 1.0
_PROBE_ANSWER_S = 0.05


class Connection(asyncio.Protocol):
    """Drives one accepted socket."""

    __slots__ = (
        "_application",
        "_deadline",
        "_exchange",
        "_has_eof",
        "_is_advancing",
        "_is_draining",
        "_is_lingering",
        "_is_reading",
        "_is_writable",
        "_limits",
        "_linger_left_bytes",
        "_loop",
        "_observer",
        "_parser",
        "_previewed",
        "_probe",
        "_receiver",
        "_registry",
        "_render_head",
        "_timed_head",
        "_timer",
        "_timer_when",
        "_transport",
        "_unsent_bytes",
        "peer",
        "time",
    )

    _transport: asyncio.Transport

    def __init__(
        self,
        application: Application,
        limits: Limits,
        registry: OpenConnections,
        render: HeadRenderer = render_head,
        observer: Observer | None = None,
    ) -> None:
        self._application = application
        self._limits = limits
        self._registry = registry
        self._render_head = render
        self._observer = observer
        self.peer = b""
        self._loop = asyncio.get_running_loop()
        self.time = self._loop.time
        self._parser = RequestParser(limits, registry.known_heads)
        self._exchange: Exchange | None = None
        self._previewed = 0
        self._has_eof = False
        self._is_advancing = False
        self._is_draining = False
        self._is_lingering = False
        self._is_reading = True
        self._is_writable = True
        self._linger_left_bytes = limits.linger_bytes
        self._unsent_bytes = 0
        self._timed_head = 0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_when = 0.0
        self._probe: asyncio.TimerHandle | None = None
        self._receiver: Receiver | None = None

    # The transport's callbacks.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to wait for a request."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are that by shape only
        self.peer = name_peer(self._transport)
        self._registry.add(self)
        self._arm(self._limits.idle_timeout_s)
        if self._registry.is_draining:
            self.drain()

    def data_received(self, data: bytes) -> None:
        """Parse, and serve what is whole."""
        if self._is_lingering:
            self._discard(len(data))
            return
        self._parser.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """Keep the write side for a client that has only closed its own (RFC 9112 section 9.6)."""
        self._has_eof = True
        if self._is_lingering or (self._exchange is None and not self._parser.complete):
            return False
        self._probe = self._loop.call_later(_PROBE_AFTER_S, self._probe_peer)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever is working for this client that nobody waits any more."""
        self._registry.discard(self)
        self._receiver = None
        for handle in (self._timer, self._probe):
            if handle is not None:
                handle.cancel()
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.is_open:
            exchange.is_open = False
            if exchange.waiter is not None:
                exchange.waiter.client_gone()
        self._parser.close()

    def pause_writing(self) -> None:
        """Serve no further request while the client does not read; give it time, not for ever."""
        self._is_writable = False
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._arm(self._limits.body_timeout_s)

    def resume_writing(self) -> None:
        """Go on, unless what the client read was a last answer."""
        self._is_writable = True
        if self._is_lingering:
            self._arm(self._limits.linger_s)
        elif not self._transport.is_closing():
            self._deadline = self._loop.time() + self._limits.idle_timeout_s
            self._advance()

    # Serving.

    def write_response(
        self,
        exchange: Exchange,
        line: bytes,
        fields: bytes,
        body: list[Chunk],
        close: bool,
    ) -> None:
        """Write one answer and turn to the next request; called by the exchange only."""
        request = exchange.request
        is_whole = request is not None and request.is_complete
        is_last = (
            close
            or self._is_draining
            or request is None
            or not request.is_complete
            or not request.head.is_keep_alive
        )
        length = len(body[0]) if len(body) == 1 else sum(map(len, body))
        has_content = line[_LAST_DIGIT] != _FOUR or line[9:12] not in _WITHOUT_CONTENT
        is_counted = has_content or line[9:12] != b"204"
        head = self._render_head(line, fields, length if is_counted else None, is_last)
        if not has_content or (request is not None and request.head.method == b"HEAD"):
            self._transport.write(head)
        elif length <= _JOIN_BYTES:
            self._transport.write(head + body[0] if len(body) == 1 else b"".join((head, *body)))
        else:
            self._transport.writelines([head, *body])
        self._exchange = None
        now = self.time()
        if self._observer is not None:
            self._observer.answered(exchange, line[9:12], now - exchange.began)
        if is_last:
            self._finish(is_whole and self._parser.is_idle and not self._parser.complete)
            return
        if self._is_writable:  # else the clock for a client that does not read is running
            self._deadline = now + self._limits.idle_timeout_s
        if self._is_advancing:
            return
        has_more = self._parser.complete or self._has_eof or not self._is_reading
        if has_more and not self._transport.is_closing():
            self._advance()

    def drain(self) -> None:
        """Close as soon as no request is being read or served: at once if none is."""
        self._is_draining = True
        if self._exchange is None and self._parser.is_idle and not self._parser.complete:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection, whatever it was doing."""
        self._transport.abort()

    def _advance(self) -> None:
        """Serve requests in order until one is pending; the single place that decides what next."""
        if self._is_advancing or self._is_lingering:
            return
        self._is_advancing = True
        parser = self._parser
        try:
            while self._exchange is None and self._is_writable and parser.complete:
                request = parser.complete.popleft()
                exchange = self._begin_exchange(request)
                self._application.handle(request, exchange)
                if self._is_lingering or self._transport.is_closing():
                    return
            if self._exchange is None and self._is_writable and not parser.complete:
                self._attend_incomplete()
        except Exception:  # a defect costs this connection, not the loop's others
            logger.exception("The application failed on a request; its connection is cut")
            self._transport.abort()
        finally:
            self._is_advancing = False
        self._regulate_reading()

    def _begin_exchange(self, request: Request | None) -> Exchange:
        self._exchange = exchange = Exchange(self, request)
        if self._observer is not None:
            exchange.began = self.time()
        return exchange

    def _attend_incomplete(self) -> None:
        """See to the error, half request or end of input behind the last answered request."""
        parser = self._parser
        if parser.error is not None:
            self._application.reject(parser.error, self._begin_exchange(parser.arriving))
        elif self._has_eof:
            self._transport.close()
        elif parser.arriving is not None:
            self._attend_body(parser.arriving)
        elif parser.is_in_head:
            if self._timed_head != parser.begun:
                self._timed_head = parser.begun
                self._arm(self._limits.header_timeout_s)
        elif self._is_draining:
            self._transport.close()

    def _attend_body(self, request: Request) -> None:
        self._arm(self._limits.body_timeout_s)
        if self._previewed == self._parser.begun:
            return
        self._previewed = self._parser.begun
        exchange = self._begin_exchange(request)
        self._application.preview(request, exchange)
        if exchange.is_open:
            # Not answered early: the exchange begins again when the request is whole.
            self._exchange = None
            if request.head.expects_continue and not request.body_bytes:
                self._transport.write(CONTINUE)
            if self._parser.missing_bytes >= LARGE_BYTES and request.consumer is None:
                self._receiver = Receiver(self._transport, self, self._parser.missing_bytes)
                self._receiver.begin()

    def _regulate_reading(self) -> None:
        """Read no further ahead than one request: what is pipelined waits in the kernel."""
        parser = self._parser
        wants = not parser.complete and (
            self._exchange is None or (parser.arriving is None and not parser.is_in_head)
        )
        if wants != self._is_reading and not self._transport.is_closing() and not self._has_eof:
            self._is_reading = wants
            if wants:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    # A large body, which a receiver takes (`mms_server.receiver.Relieved`).

    def body_progressed(self) -> None:
        """Give the client its time anew."""
        self._deadline = self.time() + self._limits.body_timeout_s

    def body_received(self, pieces: list[bytearray]) -> None:
        """Serve the request, which is whole."""
        self._receiver = None
        self._parser.receive_rest(pieces)
        self._advance()

    # Closing.

    def _finish(self, is_clean: bool) -> None:
        """Close after the last answer; linger if the client may still be sending."""
        if is_clean or self._has_eof:
            self._transport.close()
            self._arm(self._limits.body_timeout_s)
            return
        self._is_lingering = True
        if not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._arm(self._limits.linger_s)

    def _discard(self, size_bytes: int) -> None:
        self._linger_left_bytes -= size_bytes
        if self._linger_left_bytes <= 0:
            self._transport.close()

    def _probe_peer(self) -> None:
        """Find out whether a client that sent FIN has gone or only closed its write side.

        TCP shows both alike. An interim response, which every HTTP/1.1 client must be able to
        parse unasked (RFC 9110 section 15.2), draws a reset from one that has gone.
        """
        exchange = self._exchange
        if exchange is None or exchange.request is None or exchange.request.head.is_http10:
            return
        self._transport.write(CONTINUE)
        self._probe = self._loop.call_later(_PROBE_ANSWER_S, self._read_probe)

    def _read_probe(self) -> None:
        sock = self._transport.get_extra_info("socket")
        if sock is not None and sock.getsockopt(SOL_SOCKET, SO_ERROR):
            self._transport.abort()

    # The one timer, re-armed lazily: moving the deadline back costs an assignment.

    def _arm(self, delay_s: float) -> None:
        self._deadline = when = self._loop.time() + delay_s
        if self._timer is None or when < self._timer_when:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_when = when
            self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._exchange is not None and self._is_writable:
            self._arm(self._limits.idle_timeout_s)  # the job's own clocks rule
        elif now < self._deadline:
            self._arm(self._deadline - now)
        elif not self._is_writable or self._transport.is_closing():
            self._end_unless_client_reads()
        elif self._is_lingering or self._parser.is_idle:
            self._transport.close()
            self._arm(self._limits.body_timeout_s)
        else:
            if self._receiver is not None:
                self._receiver.end()
                self._receiver = None
            seen = "request's header section" if self._parser.arriving is None else "request's body"
            self._parser.error = RequestTimeoutError(f"The {seen} did not arrive in time.")
            self._advance()

    def _end_unless_client_reads(self) -> None:
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes < self._unsent_bytes:
            self._unsent_bytes = unsent_bytes
            self._arm(self._limits.body_timeout_s)
        else:
            self._transport.abort()
