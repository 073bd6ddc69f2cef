from __future__ import annotations

import pytest

from mms_server.api.parameters import Parameters
from mms_server.errors import BadRequestError
from mms_server.http.head import Head
from mms_server.http.request import Request


def make_request(target: bytes, body: bytes = b"", content_type: bytes = b"") -> Request:
    request = Request(Head(b"POST", target, []), [body])
    request.head.content_type = content_type
    return request


def test_the_query_is_decoded() -> None:
    parameters = Parameters.of_query(make_request(b"/models?url=a%2Fb+c&n=3&flag=TRUE&x&n=4"))
    assert parameters.text("url") == "a/b c"
    assert parameters.integer("n", default=1) == 3
    assert parameters.boolean("flag", default=False) is True
    assert parameters.has("x")
    assert parameters.text("x") is None
    assert parameters.integer("absent", "n", default=1) == 3


@pytest.mark.parametrize(("text", "expected"), [(b"yes", False), (b"1", False), (b"True", True)])
def test_only_true_is_true(text: bytes, expected: bool) -> None:
    parameters = Parameters.of_query(make_request(b"/models?synchronous=" + text))
    assert parameters.boolean("synchronous", default=True) is expected


@pytest.mark.parametrize(
    "text", ["x", "", "+", "1_0", " 1", "1.5", "\u0663", "2147483648", "-2147483649", "9" * 5000]
)
def test_an_integer_that_is_none_counts_as_not_given(text: str) -> None:
    assert Parameters({"n": text}).integer("n", default=7) == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [("+5", 5), ("-0", 0), ("2147483647", 2**31 - 1), ("-2147483648", -(2**31)), ("0" * 5000, 0)],
)
def test_an_integer_is_one_of_32_bits(text: str, expected: int) -> None:
    assert Parameters({"n": text}).integer("n", default=7) == expected


def test_a_flag_without_a_value_is_false() -> None:
    assert Parameters({"synchronous": ""}).boolean("synchronous", default=True) is False


def test_a_json_body_takes_the_querys_place() -> None:
    request = make_request(
        b"/models?url=q&n=1",
        b"{'url': 'j', n: 2, 'm': 3.0, 'f': true, 's': 'true', 'z': null, 'u': [{}], 'w': 4.0}",
        b"application/json; charset=utf-8",
    )
    parameters = Parameters.of_query_or_json(request)
    assert parameters.text("url") == "j"
    assert parameters.integer("n", default=0) == 2
    assert parameters.integer("m", default=0) == 3
    assert parameters.boolean("f", default=False) is True
    assert parameters.boolean("s", default=False) is True
    assert parameters.integer("w", default=0) == 4
    assert not parameters.has("z")
    form = make_request(b"/models?url=q", b"url=f", b"application/x-www-form-urlencoded")
    assert Parameters.of_query_or_json(form).text("url") == "q"


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "cannot be parsed"),
        (b"{", "cannot be parsed"),
        (b"\xff", "cannot be parsed"),
        (b"[]", "is no object"),
        (b"null", "is no object"),
        (b"[" * 60_000, "cannot be parsed"),
        (b"[" * 100_000, "cannot be parsed"),
        (b'{"url": {}}', "Parameter url is a dict"),
        (b'{"url": 1.5}', "Parameter url is 1.5: an integer is expected"),
    ],
)
def test_a_json_body_that_is_wrong(body: bytes, complaint: str) -> None:
    with pytest.raises(BadRequestError, match=complaint):
        Parameters.of_query_or_json(make_request(b"/models", body, b"application/json")).integer(
            "url", default=1
        )
