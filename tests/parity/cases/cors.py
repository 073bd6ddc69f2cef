"""What web pages of other origins are told."""

from __future__ import annotations

from parity.case import Case, Departure, Setup, ask, manage

CORS = Setup(
    "cors",
    (
        ("cors_allowed_origin", "http://page.example"),
        ("cors_allowed_methods", "GET, POST"),
        ("cors_allowed_headers", "X-Custom"),
    ),
    ("noop=noop",),
)
_ORIGIN = "http://page.example"

CASES = [
    Case(
        "fields-on-every-answer",
        ("9:3", "2.1:14"),
        (
            ask("GET", "/ping", origin=_ORIGIN),
            ask("POST", "/predictions/noop", b"x", origin=_ORIGIN),
            ask("GET", "/none", origin=_ORIGIN),
            manage("GET", "/models"),
        ),
        CORS,
    ),
    Case(
        "preflight",
        ("9:4",),
        (
            ask(
                "OPTIONS",
                "/predictions/noop",
                origin=_ORIGIN,
                access_control_request_method="POST",
            ),
        ),
        CORS,
        {0: Departure("preflight", status=200, headers={"content-length": "<length>"})},
    ),
]
