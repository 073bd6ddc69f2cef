"""Does what the body of the first request of a batch says: its answer, its failures."""

import os
import signal
import sys
import time

from mms.service import PredictionException


def handle(data, context):
    if data is None:
        return None
    action = ACTIONS[bytes(data[0]["body"]).decode()]
    answer = action(context)
    return answer if answer is not None else ["done"] * len(data)


def _raise(exception):
    raise exception


def _header(name, value):
    return lambda context: context.set_response_header(0, name, value)


def _status(*arguments):
    return lambda context: context.set_response_status(*arguments)


def _answer(output):
    return lambda context: output


def _fail(*arguments):
    return lambda context: _raise(PredictionException(*arguments))


def _many_headers(context):
    for name in ("Pragma", "Cache-Control", "Expires", "x-request-id", "Connection"):
        context.set_response_header(0, name, "mine")
    context.set_response_header(0, "Content-Length", "3")
    context.set_response_header(0, "X-Mine", "kept")


def _two_types(context):
    context.set_response_content_type(0, "text/plain")
    context.set_response_header(0, "Content-Type", "text/html")


def _report(context):
    context.request_processor[0].report_status(418)


def _report_all(context):
    context.set_all_response_status(507)
    return ["Invalid response"] * len(context.request_processor)


ACTIONS = {
    "text": _answer(["héllo"]),
    "empty": _answer([""]),
    "bytes": _answer([b"\xff\x00"]),
    "bytearray": _answer([bytearray(b"\xfe\x01")]),
    "dict": _answer([{"a": [1, 2.5], "é": "<'&=>", "n": None}]),
    "list": _answer([["x", True]]),
    "number": _answer([1]),
    "none": _answer([None]),
    "nan": _answer([float("nan")]),
    "unserialisable": _answer([object()]),
    "set": _answer([{1, 2}]),
    "tuple": _answer(("OK",)),
    "text-not-list": _answer("OK"),
    "dict-not-list": _answer({"a": 1}),
    "nothing": _answer(0),
    "too-many": _answer(["a", "b"]),
    "too-few": _answer([]),
    "large": _answer(["x" * 3000]),
    "type": lambda context: context.set_response_content_type(0, "text/plain; charset=x"),
    "type-non-ascii": lambda context: context.set_response_content_type(0, "text/é"),
    "type-twice": _two_types,
    "header": _header("X-Answer", "a value"),
    "header-empty": _header("X-Answer", ""),
    "header-number": _header("X-Answer", 1),
    "header-newline": _header("X-Answer", "a\r\nX-Injected: b"),
    "header-non-ascii": _header("X-Answer", "é"),
    "header-beyond-latin": _header("X-Answer", "\u2713"),
    "header-name-space": _header("X Answer", "a"),
    "header-server": _many_headers,
    "header-encoding": _header("Transfer-Encoding", "chunked"),
    "status-created": _status(201),
    "status-phrase": _status(201, "Made"),
    "status-not-found": _status(404, "Gone Fishing"),
    "status-error": _status(503),
    "status-0": _status(0),
    "status-50": _status(50),
    "status-100": _status(100),
    "status-204": _status(204),
    "status-304": _status(304),
    "status-599": _status(599),
    "status-999": _status(999),
    "status-1000": _status(1000),
    "status-negative": _status(-1),
    "status-text": _status("201"),
    "status-report": _report,
    "status-all": _report_all,
    "phrase-newline": _status(200, "a\r\nb"),
    "phrase-non-ascii": _status(200, "é"),
    "raise": lambda context: _raise(ValueError("secret")),
    "raise-key": lambda context: _raise(KeyError("secret")),
    "raise-memory": lambda context: _raise(MemoryError("secret")),
    "raise-prediction": _fail("Some Prediction Error"),
    "raise-599": _fail("Some Prediction Error", 599),
    "raise-404": _fail("no such thing", 404),
    "raise-400": _fail("bad", 400),
    "raise-418": _fail("tea", 418),
    "raise-200": _fail("fine", 200),
    "raise-non-ascii": _fail("naïve ✓", 500),
    "raise-number": _fail(12, 500),
    "raise-empty": _fail("", 500),
    "exit": lambda context: sys.exit(3),
    "exit-137": lambda context: os._exit(137),
    "kill": lambda context: os.kill(os.getpid(), signal.SIGKILL),
    "wait": lambda context: time.sleep(0.8),
    "hang": lambda context: time.sleep(6),
}
