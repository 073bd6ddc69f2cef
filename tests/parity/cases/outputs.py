"""From what the handler returns and sets to the answer."""

from __future__ import annotations

from parity.case import Departure, ask
from parity.cases.inference import act, case, post

_REFUSED = Departure("handler-head", status=500, holds="Invalid response status or headers")

CASES = [
    case(
        "bodies",
        "3.6:1 3.6:2",
        *map(act, ("text", "empty", "bytes", "bytearray", "dict", "list", "number", "none", "nan")),
    ),
    case("unserialisable", "3.6:1 B:18", act("unserialisable"), act("set"), act("text")),
    case("content-type", "3.6:2 B:28", act("type"), act("type-twice")),
    case(
        "content-type-beyond-ascii",
        "B:15",
        act("type-non-ascii"),
        act("text"),
        at0=Departure("handler-head", status=200, headers={"content-type": "text/é"}),
    ),
    case(
        "status",
        "3.6:3 B:19 12.2:21",
        *map(act, ("status-created", "status-phrase", "status-not-found", "status-error")),
        *map(act, ("status-599", "status-999", "status-report", "status-all")),
    ),
    case(
        "status-odd",
        "B:16",
        *map(act, ("status-0", "status-50", "status-100", "status-1000")),
        act("text"),
        at0=_REFUSED,
        at1=_REFUSED,
        at2=_REFUSED,
        at3=_REFUSED,
    ),
    case("status-without-content", "B:16", act("status-204"), act("status-304")),
    case("status-negative", "B:16", act("status-negative"), act("text"), at0=_REFUSED),
    case("status-text", "B:15", act("status-text"), act("text"), at0=_REFUSED),
    case("headers", "3.6:4 12.2:15", act("header"), act("header-empty")),
    case("header-number", "3.6:5 B:15", act("header-number"), act("text"), at0=_REFUSED),
    case("header-injected", "B:4", act("header-newline"), at0=_REFUSED),
    case("header-beyond-ascii", "B:4", act("header-non-ascii"), act("header-beyond-latin")),
    case("header-name", "B:4", act("header-name-space"), at0=_REFUSED),
    case(
        "headers-of-the-server",
        "3.6:6 B:28",
        act("header-server"),
        act("header-encoding"),
        at1=Departure("handler-head", status=200, connection="kept"),
    ),
    case("phrase-with-line-end", "B:4", act("phrase-newline"), act("text"), at0=_REFUSED),
    case(
        "phrase-beyond-ascii",
        "B:15",
        act("phrase-non-ascii"),
        act("text"),
        at0=Departure("handler-head", status=200),
    ),
    case(
        "every-answer",
        "3.6:6 3.6:7 3.6:8 3.6:9",
        ask("POST", "/predictions/noop", b"x", x_request_id="mine"),
        ask("GET", "/ping", origin="http://elsewhere"),
        ask("GET", "/ping", accept_encoding="gzip, deflate", accept="text/html"),
    ),
    case(
        "connection-goes-on",
        "3.6:8",
        ask("POST", "/predictions/noop", b"x", connection="one"),
        ask("GET", "/ping", connection="one"),
        ask("GET", "/InvalidUrl", connection="one"),
    ),
    case("head", "B:20", ask("HEAD", "/predictions/inspect"), ask("HEAD", "/InvalidUrl")),
    case("json-of-the-server", "3.6:10", post("<b>'=&", b"x")),
]
