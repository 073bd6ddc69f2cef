"""What the areas of the inference API share: servers, and how a case is written."""

from __future__ import annotations

from functools import partial
from typing import Any

from parity.case import Setup, Step, ask, make_case

DEFAULT = Setup("default", models=("noop=noop", "inspect=inspect", "act=act"))

SMALL = Setup(
    "small",
    (
        ("decode_input_request", "false"),
        ("default_response_timeout_seconds", "2"),
        ("job_queue_size", "1"),
        ("max_request_size", "1000"),
        ("max_response_size", "2000"),
    ),
    models=("inspect=inspect",),
)
"""Tight limits, inputs as they come, one model at the start."""

EMPTY = Setup("empty", (("default_service_handler", "service:handle"),))
"""Nothing loaded at the start."""

COMBINED = Setup(
    "combined", (("management_address", "http://127.0.0.1:{inference}"),), models=("noop=noop",)
)
"""One listener for both APIs."""


case = partial(make_case, DEFAULT)


def post(model: str, body: bytes, content_type: str = "", query: str = "") -> Step:
    """Ask a model by its modern route."""
    headers: dict[str, Any] = {"content_type": content_type} if content_type else {}
    return ask("POST", f"/predictions/{model}{query}", body, **headers)


def act(action: str) -> Step:
    """Let the model `act` do what it can."""
    return post("act", action.encode())


def form(*parts: bytes, boundary: str = "cut", end: bytes = b"--cut--\r\n") -> bytes:
    """Join the parts of a multipart body."""
    cut = b"--%s\r\n" % boundary.encode()
    return b"".join(cut + part + b"\r\n" for part in parts) + end


def part(disposition: str, value: bytes, *lines: str) -> bytes:
    """Make a part of a form."""
    head = "".join(f"{line}\r\n" for line in (f"Content-Disposition: {disposition}", *lines))
    return head.encode() + b"\r\n" + value


FORM = "multipart/form-data; boundary=cut"
URLENCODED = "application/x-www-form-urlencoded"
