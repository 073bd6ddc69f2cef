"""Predictions over HTTP: what reaches the handler, what comes back, and what goes wrong."""

from __future__ import annotations

import socket

import pytest

from support.running_server import MakeModel, RunningServer, StartServer

INSPECT = """
import json

def handle(data, context):
    if data is None:
        return None
    return [
        {name: [type(value).__name__, repr(value)] for name, value in each.items()}
        for each in data
    ]
"""

ANSWERS = """
from mms.service import PredictionException

def handle(data, context):
    if data is None:
        return None
    what = bytes(data[0]["body"]).decode()
    if what == "status":
        context.set_response_status(418, "Short and stout", 0)
        context.set_response_content_type(0, "text/plain")
        context.set_response_header(0, "X-Kettle", "on")
        context.set_response_header(0, "Content-Length", "999")
        return ["teapot"]
    if what == "inject":
        context.set_response_header(0, "X-Bad", "a\\r\\nX-Injected: yes")
        return ["never seen"]
    if what == "prediction":
        raise PredictionException("Some Prediction Error", 599)
    if what == "memory":
        raise MemoryError
    if what == "raise":
        raise ValueError("secret detail")
    if what == "scalar":
        return "not a list"
    if what == "few":
        return []
    if what == "set":
        return [{1, 2}]
    if what == "big":
        return ["x" * 2000]
    if what == "exit":
        import os
        os._exit(3)
    if what == "json":
        return [{"a": [1, 2.5, None]}]
    if what == "headers":
        return [context.get_request_header(0, "X-Mixed-Case")]
    if what == "fields":
        return [context.get_all_request_header(0)]
    return [b"\\x00bytes"]
"""


@pytest.fixture
def server(start: StartServer, make_model: MakeModel) -> RunningServer:
    make_model("inspect", INSPECT)
    make_model("answers", ANSWERS)
    running = start(models=["inspect", "answers"], settings={"max_response_size": 1000})
    running.wait_ready("inspect")
    running.wait_ready("answers")
    return running


def test_inputs_by_content_type(server: RunningServer) -> None:
    def seen(body: bytes, content_type: str) -> object:
        headers = {"Content-Type": content_type}
        return server.request("POST", "/predictions/inspect", body, headers).json

    assert seen(b"abc", "application/octet-stream") == {"body": ["bytearray", "bytearray(b'abc')"]}
    assert seen(b'{"a": 1}', "application/json; charset=utf-8") == {"body": ["dict", "{'a': 1}"]}
    assert seen("é".encode(), "text/plain") == {"body": ["str", "'é'"]}
    assert seen(b"a=1&b=%41+c", "application/x-www-form-urlencoded") == {
        "a": ["bytearray", "bytearray(b'1')"],
        "b": ["bytearray", "bytearray(b'A c')"],
    }
    form = (
        b'--B\r\nContent-Disposition: form-data; name="data"; filename="f"\r\n'
        b"Content-Type: application/json\r\n\r\n[1]\r\n"
        b'--B\r\nContent-Disposition: form-data; name="plain"\r\n\r\nx\r\n--B--\r\n'
    )
    assert seen(form, "multipart/form-data; boundary=B") == {
        "data": ["list", "[1]"],
        "plain": ["bytearray", "bytearray(b'x')"],
    }


def test_all_routes_lead_to_the_model(server: RunningServer) -> None:
    for path in (
        "/predictions/inspect",
        "/predictions/inspect/ignored/rest",
        "/invocations?model_name=inspect",
        "/models/inspect/invoke",
        "/inspect/predict",
    ):
        answer = server.request("PUT", path, b"x")
        assert (answer.status, answer.json["body"][0]) == (200, "bytearray"), path
    answer = server.request("GET", "/inspect/predict?data=test")
    assert answer.json["data"] == ["bytearray", "bytearray(b'test')"]
    answer = server.request("POST", "/invocations", b"x")
    assert answer.json["message"] == "Parameter model_name is required."


def test_what_a_handler_may_answer(server: RunningServer) -> None:
    assert server.predict("answers", "plain").body == b"\x00bytes"
    answer = server.predict("answers", "status")
    assert (answer.status, answer.reason, answer.body) == (418, "Short and stout", b"teapot")
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["X-Kettle"] == "on"
    assert answer.headers["content-length"] == "6"
    assert (
        server.predict("answers", "json").body == b'{\n  "a": [\n    1,\n    2.5,\n    null\n  ]\n}'
    )
    answer = server.request("POST", "/predictions/answers", "headers", {"X-Mixed-Case": "yes"})
    assert answer.body == b"yes"
    for name in ("x-request-id", "Pragma", "Cache-Control", "Expires"):
        assert name in answer.headers


def test_a_handler_sees_the_length_of_a_body_that_came_in_chunks(server: RunningServer) -> None:
    chunked = b"6\r\nfields\r\n0\r\n\r\n"
    headers = {"Transfer-Encoding": "chunked"}
    seen = server.request("POST", "/predictions/answers", chunked, headers).json
    assert seen["content-length"] == "6"
    assert "Transfer-Encoding" not in seen
    seen = server.request("POST", "/predictions/answers", "fields").json
    assert seen["Content-Length"] == "6"
    assert "content-length" not in seen


@pytest.mark.parametrize(
    ("what", "status", "message"),
    [
        ("prediction", 599, "Some Prediction Error"),
        ("memory", 507, "Out of resources"),
        ("raise", 503, "Prediction failed"),
        ("scalar", 503, "Invalid model predict output"),
        ("few", 503, "number of batch response mismatched"),
        ("set", 503, "Unsupported model output data type."),
        ("exit", 500, "Worker died."),
        ("inject", 500, "Invalid response status or headers."),
        (
            "big",
            500,
            "The response of 2000 bytes exceeds max_response_size, 1000 bytes.",
        ),
    ],
)
def test_what_a_handler_may_get_wrong(
    server: RunningServer, what: str, status: int, message: str
) -> None:
    answer = server.predict("answers", what)
    assert answer.status == status
    assert answer.json == {"code": status, "type": "InternalServerException", "message": message}
    assert "X-Injected" not in answer.headers
    assert "secret detail" not in answer.body.decode()
    server.wait_ready("answers")
    assert server.predict("answers", "plain").status == 200
    books = server.counters("answers")
    assert books["received"] == books["refused"] + books["accepted"] == 2
    assert books["accepted"] == books["answered"] + books["abandoned"] + books["pending"]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{broken", 400),
        ("application/json", b"", 400),
        ("text/plain", b"\xff\xfe", 400),
        ("multipart/form-data; boundary=B", b"--B\r\ngarbage", 400),
        ("multipart/form-data", b"x", 400),
        ("application/x-www-form-urlencoded", b"a=%zz", 400),
        ("application/octet-stream", b"x" * 6_553_501, 413),
    ],
)
def test_bodies_that_are_wrong(
    server: RunningServer, content_type: str, body: bytes, status: int
) -> None:
    pid = server.worker_pids("inspect")
    answer = server.request("POST", "/predictions/inspect", body, {"Content-Type": content_type})
    assert answer.status == status
    if status == 413:
        assert answer.body == b""
    else:
        assert answer.json["type"] == "BadRequestException"
    assert server.predict("inspect").status == 200
    assert server.worker_pids("inspect") == pid


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/", 405, "MethodNotAllowedException"),
        ("GET", "/InvalidUrl", 404, "ResourceNotFoundException"),
        ("GET", "/predictions", 404, "ResourceNotFoundException"),
        ("GET", "/predictions/nope", 404, "ModelNotFoundException"),
        ("OPTIONS", "/predictions/nope", 404, "ModelNotFoundException"),
        ("GET", "/predictions/%zz", 400, "BadRequestException"),
        ("GET", "/models", 404, "ResourceNotFoundException"),
    ],
)
def test_paths_that_lead_nowhere(
    server: RunningServer, method: str, path: str, status: int, kind: str
) -> None:
    answer = server.request(method, path)
    assert (answer.status, answer.json["type"]) == (status, kind)
    assert answer.headers["connection"] == "close"


def test_options_and_head(server: RunningServer) -> None:
    answer = server.request("OPTIONS", "/predictions/inspect")
    assert answer.status == 200
    assert "POST" in answer.headers["Allow"]
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json["paths"]) == ["/prediction/inspect"]
    answer = server.request("HEAD", "/ping")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_garbage_gets_a_400_and_the_server_goes_on(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.inference_port), timeout=30) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00 not HTTP at all\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b'"message": "Invalid HTTP message."' in answer
    assert server.predict("inspect").status == 200


def test_a_client_that_leaves_is_counted(server: RunningServer, make_model: MakeModel) -> None:
    with socket.create_connection(("127.0.0.1", server.inference_port), timeout=30) as client:
        client.sendall(
            b"POST /predictions/inspect HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1"
        )
    assert server.predict("inspect").status == 200
    assert server.counters("inspect")["received"] == 1
