"""The models of a campaign: two that behave, and those that do everything a handler should not."""

from __future__ import annotations

import json
from pathlib import Path

ECHO = """
def handle(data, context):
    if data is None:
        return None
    for position in range(len(data)):
        context.set_response_content_type(position, "text/plain; charset=utf-8")
    return [repr(each) for each in data]
"""

NOOP = """
def handle(data, context):
    return ["OK"] * len(data) if data else None
"""

HOSTILE = """
import zlib
from mms.service import PredictionException

def answer(status, body, content_type=None, **headers):
    def act(context):
        context.set_response_status(status, "", 0)
        if content_type:
            context.set_response_content_type(0, content_type)
        for name, value in headers.items():
            context.set_response_header(0, name.replace("_", "-"), value)
        return [body]
    return act

def fail(error):
    def act(context):
        raise error
    return act

def give(outputs):
    return lambda context: outputs

ACTS = [
    answer(400, [1, 2], "application/json"),
    answer(404, b"\\xff\\xfe", "application/octet-stream"),
    answer(503, {"code": "text", "type": 1}, "application/json"),
    answer(500, "", "text/html"),
    answer(204, ""), answer(304, "x"), answer(999, "x"), answer(599, "x"), answer(12, "x"),
    answer(200, "x", None, x_request_id="mine", expires="never", pragma="x", content_length="9"),
    answer(200, "x", None, connection="close", transfer_encoding="chunked"),
    answer(200, "x", None, x_split="a\\r\\nx: y"),
    answer(200, "x", None, allow="NOTHING", retry_after="-1"),
    fail(ValueError("x")), fail(MemoryError()), fail(PredictionException("p", 599)),
    fail(PredictionException("p", 200)), fail(PredictionException("p", 404)), fail(SystemExit(1)),
    give("text"), give([]), give([1, 2]), give([{1}]), give([None]), give([b"\\x00" * 7_000_000]),
]

def handle(data, context):
    if data is None:
        return None
    return ACTS[zlib.crc32(repr(data[0]).encode()) % len(ACTS)](context)
"""

CRASHING = """
import os, zlib

def handle(data, context):
    if data and zlib.crc32(repr(data[0]).encode()) % 16 == 0:
        os._exit(3)
    return ["OK"] * len(data) if data else None
"""

UNLOADABLE = """
raise RuntimeError("it cannot be loaded")
"""

GOOD = ("echo", "noop")
FAILING = ("hostile", "crashing")
STORE = {"echo": ECHO, "noop": NOOP, "hostile": HOSTILE, "crashing": CRASHING}
NAMES = (*GOOD, *FAILING, "a b", "\u00e9\u2713", "%41", "<&>='", "x" * 100, "..;")
"""All names that models of a campaign may have: what is registered over and over ends somewhere."""
LOCATIONS = ("echo", "noop", "hostile", "unloadable", "broken", "empty.mar", "absent", "", "/echo/")
"""What `url` may say that leads somewhere, or nearly."""


def fill_store(store: Path) -> None:
    """Write the models, and what only looks like one."""
    for name, code in {**STORE, "unloadable": UNLOADABLE}.items():
        _write(store / name, code, {"modelName": name, "handler": "service:handle"})
    _write(store / "broken", NOOP, "no object")
    (store / "empty.mar").touch()


def _write(folder: Path, code: str, model: object) -> None:
    (folder / "MAR-INF").mkdir(parents=True)
    (folder / "service.py").write_text(code)
    manifest = {"runtime": "python", "model": model}
    (folder / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest))
