"""The OpenAPI documents, without their descriptions."""

from __future__ import annotations

from parity.case import ask, manage
from parity.cases.inference import COMBINED, case

CASES = [
    case(
        "listener",
        "3.1:1 3.1:3 5:1 5:2 5:3 5:4 5:5 5:6 5:7 5:8 5:9 5:10 5:11 5:12 5:13 5:15 12.2:2",
        ask("OPTIONS", "/"),
        manage("OPTIONS", "/"),
    ),
    case(
        "api-description",
        "3.1:3 3.1:20 12.2:2",
        ask("GET", "/api-description"),
        ask("POST", "/api-description", b"x"),
        manage("GET", "/api-description/"),
        ask("GET", "/api-description/x"),
        manage("GET", "/api-description/x"),
        ask("OPTIONS", "/api-description/x"),
    ),
    case("combined", "5:14", ask("OPTIONS", "/"), ask("GET", "/api-description"), setup=COMBINED),
    case(
        "model",
        "3.1:6 5:16 5:17 12.2:3",
        ask("OPTIONS", "/predictions/noop"),
        ask("OPTIONS", "/predictions/noop/more"),
        ask("OPTIONS", "/invocations?model_name=noop"),
        ask("OPTIONS", "/models/noop/invoke"),
        ask("OPTIONS", "/noop/predict"),
    ),
]
