"""The worker's loop in a thread of the test: real sockets, a handler on disk."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mms import wire
from mms.worker.channel import Channel
from mms.worker.loop import WorkerLoop
from mms_server.workers.frame_reader import FrameReader
from support.jobs import job_head

_names = itertools.count()


class Result(NamedTuple):
    outcome: int
    status: int
    phrase: bytes
    fields: bytes
    busy_us: int
    is_last: bool


class FrontEnd:
    """The other end of a worker's link."""

    def __init__(self, sock: socket.socket, page: memoryview) -> None:
        self.page = page
        self._socket = sock
        self._reader = FrameReader()
        self._frames: list[wire.Frame] = []

    def receive(self) -> wire.Frame:
        while not self._frames:
            data = self._socket.recv(1 << 16)
            assert data, "the worker closed its link"
            self._frames += self._reader.feed(data)
        return self._frames.pop(0)

    def load(self, folder: Path, **options: Any) -> dict[str, Any]:
        message = {
            "model_name": "m",
            "model_dir": str(folder),
            "handler": next((path.stem for path in folder.glob("*.py")), ""),
            "manifest": {"model": {}},
            "batch_size": 2,
            "gpu_id": None,
            "decode_input": True,
            "max_response_bytes": 1000,
            **options,
        }
        self._socket.sendall(wire.encode_json(wire.LOAD, message))
        frame = self.receive()
        assert frame.kind == wire.LOADED
        return wire.decode_json(frame.meta)

    def predict(
        self,
        *values: bytes,
        batch: int = 1,
        remaining_ms: int = 60_000,
        content_type: bytes = b"",
        fields: bytes = b"",
    ) -> list[tuple[Result, bytes]]:
        """Send a batch of jobs with one value each; returns their results in order."""
        heads = [
            job_head(len(value), content_type, fields).encode(b"id-%d" % at, remaining_ms)
            for at, value in enumerate(values)
        ]
        head = wire.encode_predict_head(batch, heads, sum(map(len, values)))
        self._socket.sendall(head + b"".join(values))
        seen = [self.receive() for _ in values]
        assert [(f.kind, f.batch, f.position) for f in seen] == [
            (wire.RESULT, batch, at) for at in range(len(values))
        ]
        results = [Result(*wire.decode_result(frame.meta)) for frame in seen]
        assert [result.is_last for result in results] == [False] * (len(values) - 1) + [True]
        return [(result, b"".join(f.body)) for result, f in zip(results, seen, strict=True)]

    def drain(self) -> None:
        self._socket.sendall(wire.encode(wire.DRAIN))
        assert self.receive().kind == wire.BYE

    def hang_up(self) -> None:
        self._socket.close()


@pytest.fixture
def front_end() -> Iterator[FrontEnd]:
    ours, theirs = socket.socketpair()
    path, folder = list(sys.path), os.getcwd()
    page = memoryview(bytearray(wire.PAGE_BYTES)).cast("Q")
    channel = Channel(theirs)
    thread = threading.Thread(target=WorkerLoop().run, args=(channel, page))
    thread.start()
    front_end = FrontEnd(ours, page)
    hello = front_end.receive()
    assert hello.kind == wire.HELLO
    assert wire.decode_json(hello.meta)["pid"] == os.getpid()
    yield front_end
    with contextlib.suppress(OSError):
        ours.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=20)
    assert not thread.is_alive()
    ours.close()
    channel.close()
    sys.path[:] = path
    os.chdir(folder)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(code: str) -> Path:
        (tmp_path / f"loop_handler_{next(_names)}.py").write_text(code)
        return tmp_path

    return write


Write = Callable[[str], Path]

ECHO = """
def handle(data, context):
    if data is None:
        return None
    for index in range(len(data)):
        context.set_response_content_type(index, "text/plain")
    return [repr(sorted(each.items())) for each in data]
"""


def test_answers(front_end: FrontEnd, write: Write) -> None:
    assert front_end.load(write(ECHO)) == {"error": None}
    (one, first), (two, second) = front_end.predict(b"a", b"b", batch=5)
    assert first == b"[('body', bytearray(b'a'))]"
    assert second == b"[('body', bytearray(b'b'))]"
    assert (one.outcome, one.status) == (two.outcome, two.status) == (wire.ANSWERED, 200)
    assert wire.split_fields(one.fields) == [("content-type", "text/plain")]
    assert one.busy_us == two.busy_us
    assert front_end.page[wire.PAGE_BEGUN] == 5
    front_end.drain()


def test_an_input_that_cannot_be_decoded_fails_alone(front_end: FrontEnd, write: Write) -> None:
    front_end.load(write(ECHO))
    (bad, reason), (good, _) = front_end.predict(b"{", b"{}", content_type=b"application/json")
    assert (bad.outcome, bad.status) == (wire.REFUSED, 400)
    assert b"not valid JSON" in reason
    assert good.outcome == wire.ANSWERED


def test_what_is_too_late_or_taken_back_is_not_run(front_end: FrontEnd, write: Write) -> None:
    folder = write(
        "calls = []\n"
        "def handle(data, context):\n"
        "    calls.append(data)\n"
        "    return ['x'] * len(data or [])\n"
    )
    front_end.load(folder)
    assert front_end.predict(b"a", remaining_ms=0)[0][0].outcome == wire.EXPIRED
    front_end.page[wire.PAGE_WITHDRAWN] = 3
    assert [r.outcome for r, _ in front_end.predict(b"a", b"b", batch=3)] == [wire.EXPIRED] * 2
    assert front_end.predict(b"c", batch=4)[0][0].outcome == wire.ANSWERED
    calls = sys.modules[next(folder.glob("*.py")).stem].calls
    assert [len(each) for each in calls if each] == [1]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("raise RuntimeError('secret')", 503, b"Prediction failed"),
        ("raise MemoryError", 507, b"Out of resources"),
        ("return 'x'", 503, b"Invalid model predict output"),
        ("return ['x']", 503, b"number of batch response mismatched"),
        ("return [object()] * 2", 503, b"Unsupported model output data type."),
        ("return ['x' * 1001] * 2", 500, b"The response of 1001 bytes exceeds max_response_size"),
        ("context.set_response_header(0, 'a', 'x\\r\\ny')\n    context.set_response_header(1, 'a', "
         "'\\0')\n    return ['x'] * 2", 500, b"Invalid response status or headers."),
    ],
)  # fmt: skip
def test_a_handler_that_fails_fails_the_whole_batch(
    front_end: FrontEnd, write: Write, body: str, status: int, message: bytes
) -> None:
    front_end.load(write(f"def handle(data, context):\n    if not data: return None\n    {body}\n"))
    for result, text in front_end.predict(b"a", b"b"):
        assert (result.outcome, result.status) == (wire.FAILED, status)
        assert text.startswith(message)
        assert b"secret" not in text
    assert len(front_end.predict(b"a", b"b")) == 2, "it goes on"


def test_a_prediction_exception_of_200_is_an_answer(front_end: FrontEnd, write: Write) -> None:
    front_end.load(
        write(
            "from mms.service import PredictionException\n"
            "def handle(data, context):\n"
            "    if data: raise PredictionException('m', 200)\n"
        )
    )
    for result, text in front_end.predict(b"a", b"b"):
        assert (result.outcome, result.status, text) == (wire.ANSWERED, 200, b"error")


def test_an_import_that_fails_late_says_what_to_add(front_end: FrontEnd, write: Write) -> None:
    error = front_end.load(write("def handle(data, context): import engine_x.ops\n"))["error"]
    text = error["text"]
    assert ": it imports 'engine_x', which neither the archive nor " in text
    assert "requirements.txt" in text


def test_a_load_that_fails_says_why(front_end: FrontEnd, write: Write) -> None:
    error = front_end.load(write("def handle(data, context): raise KeyError('weights')\n"))["error"]
    assert (error["kind"], error["text"]) == ("load", "KeyError: 'weights'")
    assert "Traceback" in error["traceback"]


def test_metrics_follow_the_answers(front_end: FrontEnd, write: Write) -> None:
    front_end.load(
        write(
            "def handle(data, context):\n"
            "    if not data: return None\n"
            "    context.metrics.add_counter('Seen', len(data))\n"
            "    return ['x'] * len(data)\n"
        )
    )
    front_end.predict(b"a", b"b")
    frame = front_end.receive()
    assert frame.kind == wire.METRICS
    assert frame.meta.startswith(b"[METRICS]Seen.Count:2")


def test_metrics_of_the_load_follow_it(front_end: FrontEnd, write: Write) -> None:
    front_end.load(
        write(
            "def handle(data, context):\n"
            "    if not data: context.metrics.add_time('Warmup', 2)\n"
            "    return ['x'] * len(data or ())\n"
        )
    )
    frame = front_end.receive()
    assert frame.kind == wire.METRICS
    assert frame.meta.startswith(b"[METRICS]Warmup.Milliseconds:2|#ModelName:")
    assert frame.meta.endswith(b",load")
    assert len(front_end.predict(b"a")) == 1


def test_headers_of_the_request(front_end: FrontEnd, write: Write) -> None:
    front_end.load(
        write(
            "import json\n"
            "def handle(data, context):\n"
            "    return [json.dumps(context.get_all_request_header(0))] if data else None\n"
        )
    )
    fields = wire.join_fields([b"X-Thing", b"caf\xe9"])
    ((_, body),) = front_end.predict(b"a", fields=fields, content_type=b"text/plain")
    assert json.loads(body) == {"body": {"content-type": "text/plain"}, "X-Thing": "caf\xe9"}


def test_a_front_end_that_hangs_up_ends_the_loop(front_end: FrontEnd) -> None:
    front_end.hang_up()


def test_only_the_operator_may_name_a_handler_elsewhere(
    front_end: FrontEnd, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "elsewhere.py").write_text(
        "def handle(data, context):\n    return ['here'] * len(data or [])\n"
    )
    handler = str(tmp_path / "elsewhere.py")
    refused = front_end.load(tmp_path / "model", handler=handler)
    assert "is an absolute path" in refused["error"]["text"]
    loaded = front_end.load(tmp_path / "model", handler=handler, handler_is_trusted=True)
    assert loaded == {"error": None}
    [(_, body)] = front_end.predict(b"x")
    assert body == b"here"
