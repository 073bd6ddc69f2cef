"""PredictionException, and running a handler without a server."""

from __future__ import annotations

from typing import Any

import pytest

from mms.context import Context
from mms.service import PredictionException, Service
from mms.version import __version__


def echo(data: Any, context: Context) -> Any:
    context.set_all_response_status(201)
    return [(context.get_request_id(idx), item["body"]) for idx, item in enumerate(data)]


def make_service() -> Service:
    return Service("echo", "/models/echo", None, echo, None, 2)


def test_prediction_exception() -> None:
    error = PredictionException("too dark", 599)
    assert (error.message, error.error_code, str(error)) == ("too dark", 599, "too dark : 599")
    assert error.args == ("too dark",)
    assert PredictionException("x").error_code == 500


def test_service_calls_the_handler_with_its_context() -> None:
    service = make_service()
    assert service.predict([{"body": b"a"}, {"body": b"b"}]) == [("0", b"a"), ("1", b"b")]
    assert service.context.get_response_status(1) == (201, "")
    assert service.context.system_properties["server_version"] == __version__
    assert service.context.system_properties["batch_size"] == 2


def test_service_gives_headers() -> None:
    service = make_service()
    service.predict([{"body": b""}], [{"Accept": "text/csv"}])
    assert service.context.get_request_header(0, "Accept") == "text/csv"


def test_service_wants_headers_for_each_request() -> None:
    with pytest.raises(ValueError, match="1 requests need as many headers, not 0"):
        make_service().predict([{"body": b""}], [])


def test_service_passes_errors_on() -> None:
    with pytest.raises(KeyError, match="body"):
        make_service().predict([{}])
