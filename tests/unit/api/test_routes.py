"""The route tables of Multi Model Server 1.1.11, and what this server adds to them."""

from __future__ import annotations

import pytest

from mms_server.errors import ResourceNotFoundError
from mms_server.http.router import ANY
from support.routing import LISTENERS, router_of

INFERENCE = [
    (b"/predictions/m", "/predictions/{model}/**", ("m",), {ANY, b"OPTIONS"}),
    (b"/predictions/m/any/thing", "/predictions/{model}/**", ("m",), {ANY, b"OPTIONS"}),
    (b"/predictions/m%2Fn", "/predictions/{model}/**", ("m",), {ANY, b"OPTIONS"}),
    (b"/predictions//x", "/predictions/{model}/**", ("",), {ANY, b"OPTIONS"}),
    (b"/predictions", "/predictions", (), {ANY}),
    (b"/invocations", "/invocations", (), {ANY, b"OPTIONS"}),
    (b"/invocations/", "/invocations", (), {ANY, b"OPTIONS"}),
    (b"/models/m/invoke", "/models/{model}/invoke", ("m",), {ANY, b"OPTIONS"}),
    (b"/m/predict", "/{model}/predict", ("m",), {ANY, b"OPTIONS"}),
    (b"/execution-parameters", "/execution-parameters", (), {ANY}),
]
MANAGEMENT = [
    (b"/models", "/models", (), {b"GET", b"POST"}),
    (b"/models/", "/models", (), {b"GET", b"POST"}),
    (b"/models/m", "/models/{model}", ("m",), {b"GET", b"PUT", b"DELETE"}),
    (b"/models/a%20b", "/models/{model}", ("a b",), {b"GET", b"PUT", b"DELETE"}),
    (b"/metrics", "/metrics", (), {b"GET"}),
]
BOTH = [
    (b"/", "/", (), {b"OPTIONS"}),
    (b"/api-description", "/api-description", (), {ANY}),
    (b"/api-description/x", "/api-description/**", (), {ANY}),
    (b"/ping", "/ping/**", (), {ANY}),
    (b"/ping/any/thing", "/ping/**", (), {ANY}),
    (b"/openapi.json", "/openapi.json", (), {b"GET"}),
]
NOWHERE = [b"/nope", b"//ping", b"/models/m/nope", b"/models/m/invoke/x", b"/m/predict/x", b"*"]

Row = tuple[bytes, str, tuple[str, ...], set[bytes]]


def served(listener: str) -> list[Row]:
    is_inference, is_management = LISTENERS[listener]
    return [*BOTH, *(INFERENCE if is_inference else ()), *(MANAGEMENT if is_management else ())]


@pytest.mark.parametrize(
    ("listener", "row"), [(name, row) for name in LISTENERS for row in served(name)]
)
def test_a_path_leads_to_its_route(listener: str, row: Row) -> None:
    router = router_of(listener)
    path, pattern, parameters, verbs = row
    match = router.resolve(path)
    assert match.parameters == parameters
    assert match.verbs == dict(router.routes())[pattern]
    assert set(match.verbs) == verbs


@pytest.mark.parametrize("listener", LISTENERS)
def test_the_tables_hold_every_route(listener: str) -> None:
    assert {pattern for pattern, _ in router_of(listener).routes()} == {
        pattern for _, pattern, _, _ in served(listener)
    }


@pytest.mark.parametrize(
    ("listener", "path"),
    [(name, path) for name in LISTENERS for path in NOWHERE]
    + [("management", row[0]) for row in INFERENCE]
    + [("inference", row[0]) for row in MANAGEMENT],
)
def test_any_other_path_leads_nowhere(listener: str, path: bytes) -> None:
    with pytest.raises(ResourceNotFoundError):
        router_of(listener).resolve(path)
