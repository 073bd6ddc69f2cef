from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from mms_server.checking.probe import Body, Probe
from mms_server.errors import WorkerError
from mms_server.workers.spec import WorkerSpec

ECHO = """
import os, subprocess, sys

def handle(data, context):
    if data is None:
        subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
        return None
    for place in range(len(data)):
        context.set_response_header(place, "X-Pid", str(os.getpid()))
    print("handled", flush=True)
    return [repr(each["body"]) for each in data]
"""


@pytest.fixture
def spec(tmp_path: Path) -> WorkerSpec:
    (tmp_path / "service.py").write_text(ECHO)
    return WorkerSpec("echo", tmp_path, "service.py", None, 2, environment=os.environ)


def test_bodies_are_decoded_as_in_a_server_and_nothing_is_left(spec: WorkerSpec) -> None:
    with Probe(spec, 30) as probe:
        loaded = probe.load()
        assert loaded.error == ""
        assert loaded.seconds > 0
        bodies = [Body(b"{}", "application/json"), Body(b"a", "text/plain"), Body(b"b")]
        replies, busy_s = probe.predict(bodies)
        assert [reply.body for reply in replies] == [b"{}", b"'a'", b"bytearray(b'b')"]
        assert busy_s > 0
        assert probe.last_word() == "handled"
        assert probe.last_word() == "it said nothing"
        worker = psutil.Process(int(replies[0].headers["x-pid"]))
        children = worker.children()
        assert len(children) == 1
        resident = probe.resident_bytes()
        assert resident is None or resident > 1_000_000
    _, alive = psutil.wait_procs([worker, *children], timeout=20)
    assert alive == []


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    spec = WorkerSpec(
        "m", tmp_path, "service.py", None, runtime="no-such-python", environment=os.environ
    )
    with pytest.raises(WorkerError, match="cannot be started with no-such-python"), Probe(spec, 5):
        pass
