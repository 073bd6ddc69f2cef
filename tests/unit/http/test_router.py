from __future__ import annotations

import pytest

from mms_server.errors import BadRequestError, MethodNotAllowedError, ResourceNotFoundError
from mms_server.http.exchange import Exchange
from mms_server.http.request import Request
from mms_server.http.router import ANY, Endpoint, Router


def endpoint() -> Endpoint:
    def serve(request: Request, exchange: Exchange, parameters: tuple[str, ...]) -> None:
        raise AssertionError("only looked up")

    return Endpoint(serve)


PREDICT, LIST, REGISTER, DESCRIBE, INVOKE, LEGACY = (endpoint() for _ in range(6))


@pytest.fixture
def router() -> Router:
    router = Router()
    router.add(b"GET", "/models", LIST)
    router.add(b"POST", "/models", REGISTER)
    router.add(b"GET", "/models/{model}", DESCRIBE)
    router.add(ANY, "/predictions/{model}/**", PREDICT)
    router.add(ANY, "/models/{model}/invoke", INVOKE)
    router.add(ANY, "/{model}/predict", LEGACY)
    return router


@pytest.mark.parametrize(
    ("method", "path", "expected", "parameters"),
    [
        (b"GET", b"/models", LIST, ()),
        (b"POST", b"/models//", REGISTER, ()),
        (b"GET", b"/models/a", DESCRIBE, ("a",)),
        (b"PUT", b"/predictions/a", PREDICT, ("a",)),
        (b"GET", b"/predictions/a/any/rest", PREDICT, ("a",)),
        (b"GET", b"/predictions/a%2Fb", PREDICT, ("a",)),
        (b"GET", b"/predictions/%C3%A9", PREDICT, ("é",)),
        (b"GET", b"/predictions//x", PREDICT, ("",)),
        (b"POST", b"/models/a/invoke", INVOKE, ("a",)),
        (b"POST", b"/a/predict", LEGACY, ("a",)),
    ],
)
def test_finds(
    router: Router, method: bytes, path: bytes, expected: Endpoint, parameters: tuple[str, ...]
) -> None:
    for _ in range(2):  # found, and found again in the cache
        match = router.resolve(path)
        assert match.endpoint(method) is expected
        assert match.parameters == parameters


@pytest.mark.parametrize(
    "path", [b"/", b"/nope", b"//models", b"/predictions", b"/models/a/b", b"*", b"", b"models"]
)
def test_does_not_find(router: Router, path: bytes) -> None:
    with pytest.raises(ResourceNotFoundError):
        router.resolve(path)


def test_refuses_verbs_and_escapes(router: Router) -> None:
    with pytest.raises(MethodNotAllowedError) as caught:
        router.resolve(b"/models").endpoint(b"PUT")
    assert caught.value.allowed == (b"GET", b"POST")
    for path in (b"/predictions/%zz", b"/predictions/%", b"/predictions/%ff"):
        with pytest.raises(BadRequestError):
            router.resolve(path)


def test_what_is_remembered_is_bounded(router: Router) -> None:
    for number in range(5000):
        router.resolve(b"/predictions/%d" % number)
    assert len(router._cache) <= 1024
