"""HTTP itself: versions, line ends, lengths, limits, expectations."""

from __future__ import annotations

from parity.case import Departure, ask, raw
from parity.cases.inference import SMALL, case, post

_HOST = b"Host: localhost\r\n"
_POST = b"POST /predictions/noop HTTP/1.1\r\nHost: localhost\r\n"
_GET = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n"
_SMALL = b"POST /predictions/inspect HTTP/1.1\r\nHost: localhost\r\n"

_REFUSED = Departure("strict-http", status=400, connection="closed")
_CONTINUE_OMITTED = Departure("strict-http", status=200)
_TOO_LARGE = Departure("early-answers-close", status=413, connection="closed")

CASES = [
    case(
        "versions",
        "B:21",
        raw(b"GET /ping HTTP/1.0\r\nHost: localhost\r\n\r\n"),
        raw(b"GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
        raw(b"GET /ping HTTP/9.9\r\nHost: localhost\r\n\r\n"),
        raw(b"GET /ping HTTP/2.0\r\nHost: localhost\r\n\r\n"),
        raw(b"GET /ping\r\n\r\n"),
        raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        at0=Departure("strict-http", status=200, connection="closed"),
        at2=_REFUSED,
        at3=_REFUSED,
        at5=_REFUSED,
    ),
    case(
        "connection-close",
        "3.6:9 B:21",
        raw(_GET + b"Connection: close\r\n\r\n"),
        at0=Departure("strict-http", status=200, connection="closed"),
    ),
    case(
        "host",
        "B:21",
        raw(b"GET /ping HTTP/1.1\r\n\r\n"),
        raw(b"GET /ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        raw(b"GET /ping HTTP/1.1\r\nHost:\r\n\r\n"),
        at0=_REFUSED,
        at1=_REFUSED,
    ),
    case(
        "line-ends",
        "B:21",
        raw(b"GET /ping HTTP/1.1\nHost: localhost\n\n"),
        raw(b"\r\nGET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        raw(_GET + b"X-Folded: a\r\n b\r\n\r\n"),
        raw(_GET + b"X-Space : a\r\n\r\n"),
        raw(_GET + b"no colon\r\n\r\n"),
        at0=_REFUSED,
        at2=_REFUSED,
    ),
    case(
        "upgrade",
        "3.7:19 B:21",
        raw(_GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        raw(
            _GET
            + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
        ),
    ),
    case(
        "limits",
        "B:22 3.7:3",
        raw(b"GET /ping?%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"x" * 3970)),
        raw(b"GET /ping?%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"x" * 5000)),
        raw(_GET + b"X-Long: %s\r\n\r\n" % (b"x" * 7000)),
        raw(_GET + b"X-Long: %s\r\n\r\n" % (b"x" * 9000)),
        raw(_GET + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 90) for n in range(120)) + b"\r\n"),
        raw(_GET + b"".join(b"X%d:\r\n" % n for n in range(200)) + b"\r\n"),
        at5=Departure("header-fields", status=400, connection="closed"),
    ),
    case(
        "lengths",
        "B:22",
        raw(_POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
        raw(_POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
        raw(_POST + b"Content-Length: -1\r\n\r\n"),
        raw(_POST + b"Content-Length: one\r\n\r\n"),
        raw(_POST + b"Content-Length: +1\r\n\r\nx"),
        raw(_POST + b"Content-Length:\r\n\r\n"),
        raw(_POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
        raw(_POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
        raw(_POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n"),
        at6=_REFUSED,
        at7=_REFUSED,
    ),
    case(
        "half-closed",
        "B:23",
        raw(_GET + b"\r\n", half_close=True),
        at0=Departure("strict-http", status=200, connection="closed"),
    ),
    case(
        "expectations",
        "3.7:17 B:24",
        raw(_POST + b"Content-Length: 1\r\nExpect: 100-continue\r\n\r\nx"),
        raw(_POST + b"Content-Length: 1\r\nExpect: something\r\n\r\nx"),
        raw(_GET + b"Expect: 100-continue\r\n\r\n"),
        at0=_CONTINUE_OMITTED,
        at1=Departure("early-answers-close", status=417, connection="closed"),
        at2=_CONTINUE_OMITTED,
    ),
    case(
        "too-large",
        "3.7:16 B:24 12.2:13",
        post("inspect", b"x" * 1000),
        post("inspect", b"x" * 1001),
        raw(_SMALL + b"Content-Length: 2000\r\nExpect: 100-continue\r\n\r\n"),
        raw(_SMALL + b"Transfer-Encoding: chunked\r\n\r\n800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n"),
        ask("POST", "/InvalidUrl", b"x" * 1001),
        ask("POST", "/ping", b"x" * 1001, listener="management"),
        setup=SMALL,
        at1=_TOO_LARGE,
        at2=_TOO_LARGE,
        at4=_TOO_LARGE,
        at5=_TOO_LARGE,
    ),
    case(
        "pipelined",
        "B:21",
        raw(_GET + b"\r\n" + _GET + b"\r\n", connection="one"),
        raw(b"", connection="one"),
    ),
]
