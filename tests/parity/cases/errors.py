"""Answers that say that something went wrong."""

from __future__ import annotations

from parity.case import Departure, Together, ask, manage, raw, register, unregister
from parity.cases.inference import EMPTY, SMALL, act, case, post

_ACT = register("act")
_UNREGISTER_ACT = unregister("act")

CASES = [
    case(
        "prediction-exception",
        "3.7:6 12.2:20 B:19",
        *map(act, ("raise-prediction", "raise-599", "raise-404", "raise-400", "raise-418")),
        *map(act, ("raise-non-ascii", "raise-empty")),
    ),
    case(
        "prediction-exception-200",
        "B:17",
        act("raise-200"),
    ),
    case(
        "prediction-exception-number",
        "B:15",
        act("raise-number"),
        act("text"),
        at0=Departure("handler-errors", status=500, holds='"12"'),
    ),
    case("memory-error", "3.7:7", act("raise-memory"), act("text")),
    case("other-exceptions", "3.7:8", act("raise"), act("raise-key")),
    case(
        "not-a-list",
        "3.7:9 12.2:31",
        *map(act, ("text-not-list", "dict-not-list", "tuple", "nothing")),
    ),
    case("wrong-length", "3.7:10 B:18", act("too-many"), act("too-few"), act("text")),
    case("died", "3.7:11 3.7:12 B:1", act("exit"), act("exit-137"), act("kill"), act("text")),
    case(
        "too-large-or-late",
        "3.7:11",
        _ACT,
        act("large"),
        act("text"),
        act("hang"),
        act("text"),
        _UNREGISTER_ACT,
        setup=SMALL,
        at1=Departure("response-too-large", status=500, holds="exceeds max_response_size"),
    ),
    case(
        "no-workers",
        "3.7:5",
        register("noop", workers=0),
        post("noop", b"x"),
        ask("OPTIONS", "/predictions/noop"),
        unregister("noop"),
        setup=EMPTY,
        at1=Departure("refusals-keep-the-connection", status=503, connection="kept"),
    ),
    case(
        "whole-batch",
        "3.7:20 B:14",
        register("act", batch_size=2, max_batch_delay=2000),
        Together((act("raise-404"), act("raise-404"))),
        Together((act("text-not-list"), act("text-not-list"))),
        _UNREGISTER_ACT,
        setup=EMPTY,
        at1=Departure("whole-batch", status=404, holds="no such thing"),
        at4=Departure("whole-batch", status=503, holds="Invalid model predict output"),
    ),
    case("undecodable", "3.7:3", raw(b"nonsense\r\n\r\n")),
    case("wrong-verb", "3.7:2", ask("GET", "/"), manage("PUT", "/models")),
    case("unknown-path", "3.7:1", ask("GET", "/a/b/c")),
    case(
        "manifest-without",
        "12.2:16",
        register("bare", model_name="bare"),
        post("bare", b"x"),
        unregister("bare"),
        setup=EMPTY,
    ),
]
