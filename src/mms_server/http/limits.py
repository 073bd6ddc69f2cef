"""What a client may send, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one connection.

    Sizes are those at which Multi Model Server 1.1 (Netty's `HttpServerCodec`) answers 400; the
    number of fields, which it leaves open, is bounded here because each costs an object.
    """

    request_line_bytes: int = 4 * KIB
    header_bytes: int = 8 * KIB
    header_fields: int = 128
    body_bytes: int = 6_553_500

    idle_timeout_s: float = 600.0
    """Longer than any common balancer's, so that the balancer closes first and no request meets a
    connection that is being closed."""
    header_timeout_s: float = 30.0
    """From the first byte of a request to the end of its header section."""
    body_timeout_s: float = 60.0
    """Without progress: between two pieces of a body, either way."""

    handshake_timeout_s: float = 30.0
    """From the acceptance of a TLS connection to the end of its handshake."""

    linger_bytes: int = 32 * 1024 * KIB
    linger_s: float = 2.0
    """How much of a refused body is read and thrown away, so that the client reads the answer
    before it sees a reset (RFC 9112 section 9.6). Several clients, Python's among them, do not look
    for an answer before they have sent their whole body."""
