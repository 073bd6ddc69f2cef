"""Queues, batches and clocks of a running server."""

from __future__ import annotations

import json
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.load import running_load
from support.running_server import MakeModel, Response, RunningServer, StartServer, wait_until

SIZES = """
import time

def handle(data, context):
    if data is None:
        return None
    time.sleep(0.02)
    return [{"batch": len(data)} for _ in data]
"""

POISON = """
import os

def handle(data, context):
    if data is None:
        return None
    if any(bytes(each["body"]) == b"poison" for each in data):
        os._exit(9)
    return ["fine"] * len(data)
"""

GATED = """
import os, time

def handle(data, context):
    if data is None:
        return None
    while not os.path.exists({gate!r}):
        time.sleep(0.01)
    return [os.getpid() for _ in data]
"""


def predict_all(server: RunningServer, model: str, bodies: list[bytes]) -> list[Response]:
    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(lambda body: server.predict(model, body), bodies))


def test_requests_that_wait_together_are_handled_together(
    start: StartServer, make_model: MakeModel
) -> None:
    make_model("sizes", SIZES)
    server = start()
    answer = server.register("sizes", initial_workers=1, batch_size=4, max_batch_delay=200)
    assert answer.status == 200
    answers = predict_all(server, "sizes", [b"x"] * 16)
    assert {each.status for each in answers} == {200}
    sizes = [each.json["batch"] for each in answers]
    assert max(sizes) == 4
    assert server.predict("sizes").json == {"batch": 1}, "one alone goes after the delay"
    description = server.describe("sizes")
    assert (description["batchSize"], description["maxBatchDelay"]) == (4, 200)


def test_a_poisonous_request_takes_no_other_with_it(
    start: StartServer, make_model: MakeModel
) -> None:
    make_model("poison", POISON)
    server = start()
    answer = server.register("poison", initial_workers=1, batch_size=4, max_batch_delay=500)
    assert answer.status == 200
    answers = predict_all(server, "poison", [b"a", b"poison", b"b", b"c"])
    assert [each.status for each in answers] == [200, 500, 200, 200]
    assert answers[1].json["message"] == "Worker died."
    books = server.counters("poison")
    assert books["retried"] == 4
    assert books["answered"] == 4


def test_a_batch_that_may_not_be_retried_fails_whole(
    start: StartServer, make_model: MakeModel
) -> None:
    make_model("poison", POISON)
    server = start(settings={"retry_batches": "false"})
    answer = server.register("poison", initial_workers=1, batch_size=4, max_batch_delay=500)
    assert answer.status == 200
    answers = predict_all(server, "poison", [b"a", b"poison", b"b", b"c"])
    assert [each.status for each in answers] == [500] * 4


def test_no_request_waits_while_a_worker_idles(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    """Two workers, each held by a gate: the second request goes to the other one."""
    gate = tmp_path / "gate"
    make_model("gated", GATED.format(gate=str(gate)))
    server = start()
    assert server.register("gated", initial_workers=2).status == 200
    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(server.predict, "gated") for _ in range(2)]
        wait_until(
            lambda: [w["state"] for w in server.describe("gated")["workers"]] == ["busy"] * 2,
            "both workers to be busy",
        )
        gate.touch()
        pids = {int(each.result().body) for each in answers}
    assert len(pids) == 2


def test_what_cannot_begin_in_time_is_never_run(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    make_model("gated", GATED.format(gate=str(gate)))
    server = start(settings={"queue_timeout": 1})
    assert server.register("gated", initial_workers=1).status == 200
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(server.predict, "gated")
        wait_until(lambda: server.counters("gated")["pending"] == 1, "the first to begin")
        expired = server.predict("gated")
        assert expired.status == 503
        assert re.match(r"Request expired after 1\.\d s in the queue", expired.json["message"])
        assert expired.headers["Retry-After"] == "1"
        assert expired.headers["connection"] == "keep-alive"
        sooner = server.request("POST", "/predictions/gated", b"x", {"X-MMS-Queue-Timeout": "0.05"})
        assert "expired after 0." in sooner.json["message"]
        gate.touch()
        assert first.result().status == 200
    books = server.counters("gated")
    assert (books["expired"], books["answered"]) == (2, 3)
    for patient in ("1e308", "1e18"):
        late = server.request("POST", "/predictions/gated", b"x", {"X-MMS-Queue-Timeout": patient})
        assert late.status == 200
    bad = server.request("POST", "/predictions/gated", b"x", {"X-MMS-Queue-Timeout": "soon"})
    assert bad.status == 400


def test_job_queue_size_is_honoured(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    make_model("gated", GATED.format(gate=str(gate)))
    server = start(settings={"job_queue_size": 2})
    assert server.register("gated", initial_workers=1).status == 200
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(server.predict, "gated") for _ in range(3)]
        wait_until(lambda: server.counters("gated")["pending"] == 3, "a full queue")
        refused = server.predict("gated")
        assert refused.status == 503
        assert refused.json["message"].endswith("Consider increasing job queue size.")
        gate.touch()
        assert [each.result().status for each in waiting] == [200] * 3


STEP = """
import os, time

def handle(data, context):
    if data is None:
        return None
    time.sleep(0.05 if os.path.exists({gate!r}) else 0.005)
    return ["x"] * len(data)
"""


def test_overload_is_refused_before_it_is_queued(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    """The service gets ten times slower: what is admitted then still begins in time."""
    gate = tmp_path / "gate"
    make_model("step", STEP.format(gate=str(gate)))
    server = start(settings={"queue_timeout": 1})
    assert server.register("step", initial_workers=1).status == 200
    with running_load(server.inference_port, "/predictions/step", 64) as load:
        wait_until(lambda: load.statuses[200] > 200, "answers at the quick pace")
        assert set(load.statuses) == {200}
        gate.touch()
        wait_until(lambda: load.statuses[503] > 0, "the first refusal")
        expired = server.counters("step")["expired"]
        goal = load.statuses[200] + 60
        wait_until(lambda: load.statuses[200] > goal, "answers at the slow pace")
        assert server.counters("step")["expired"] - expired <= 64
    assert load.broken == []
    assert set(load.statuses) == {200, 503}
    books = server.counters("step")
    assert books["refused"] > 0
    assert books["accepted"] == books["answered"] + books["abandoned"] + books["pending"]


TABLE = """
import os

TABLE = bytearray(200 * 1024 * 1024)
for at in range(0, len(TABLE), 4096):
    TABLE[at] = at % 251

def handle(data, context):
    if data is None:
        return None
    rollup = open("/proc/self/smaps_rollup").read()
    pss = int(rollup.split("Pss:")[1].split()[0])
    return [{"pid": os.getpid(), "pss_kib": pss, "sum": sum(TABLE[::409600])} for _ in data]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads smaps_rollup")
def test_preloaded_workers_share_what_was_loaded(start: StartServer, make_model: MakeModel) -> None:
    make_model("table", TABLE)
    server = start()
    assert server.register("table", initial_workers=4, preload_model="true").status == 200
    seen: dict[int, dict[str, int]] = {}
    is_done = threading.Event()

    def ask() -> None:
        while not is_done.is_set():
            answer = json.loads(server.predict("table").body)
            seen[answer["pid"]] = answer
            if len(seen) == 4:
                is_done.set()

    with ThreadPoolExecutor(8) as threads:
        for asking in [threads.submit(ask) for _ in range(8)]:
            asking.result(timeout=60)
    assert len({each["sum"] for each in seen.values()}) == 1
    alone_kib = 200 * 1024
    assert sum(each["pss_kib"] for each in seen.values()) <= 1.5 * alone_kib
    assert sorted(seen) == sorted(server.worker_pids("table"))


THREADED = """
import threading

pool = threading.Thread(target=threading.Event().wait, daemon=True)
pool.start()

def handle(data, context):
    return ["fine"] * len(data) if data else None
"""


def test_a_model_with_threads_is_not_forked(start: StartServer, make_model: MakeModel) -> None:
    make_model("threaded", THREADED)
    server = start()
    assert server.register("threaded", initial_workers=2, preload_model="true").status == 200
    assert server.predict("threaded").body == b"fine"
    assert "would not survive a fork" in server.log
