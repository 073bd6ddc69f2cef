"""Processes killed, stopped and starved on purpose."""

from __future__ import annotations

import functools
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from support.load import Load, running_load
from support.running_server import MakeModel, RunningServer, StartServer, wait_until

RECORD = """
import os

def handle(data, context):
    if data is None:
        return None
    fd = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for index in range(len(data)):
        os.write(fd, (context.get_request_id(index) + "\\n").encode())
    os.close(fd)
    return ["OK"] * len(data)
"""


def assert_books_balance(server: RunningServer, model: str) -> dict[str, int]:
    books = server.counters(model)
    assert books["received"] == books["refused"] + books["accepted"]
    assert books["accepted"] == books["answered"] + books["abandoned"] + books["pending"]
    return books


def has_answers(load: Load, goal: int) -> bool:
    return sum(load.statuses.values()) > goal


def kill_and_replace(server: RunningServer, model: str) -> None:
    workers = len(server.worker_pids(model))
    pid = server.worker_pids(model)[0]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in server.worker_pids(model), "its death to be seen")
    server.wait_ready(model, workers)


def test_a_killed_worker_loses_only_what_it_was_executing(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    executed = tmp_path / "executed"
    make_model("record", RECORD.format(path=str(executed)))
    server = start(models=["record"], settings={"default_workers_per_model": 2})
    server.wait_ready("record", workers=2)
    kills = 6
    with running_load(server.inference_port, "/predictions/record", 32) as load:
        for _ in range(kills):
            goal = sum(load.statuses.values()) + 200
            wait_until(functools.partial(has_answers, load, goal), "answers")
            kill_and_replace(server, "record")
    assert load.broken == []
    ids = executed.read_text().split()
    assert len(ids) == len(set(ids)), "a job was executed twice"
    assert set(load.statuses) <= {200, 500}
    assert load.statuses[500] <= kills, "more was lost than was being executed"
    books = assert_books_balance(server, "record")
    assert books["pending"] == 0
    assert books["answered"] == sum(load.statuses.values())
    assert server.request("GET", "/ping").json == {"status": "Healthy"}


QUICK = """
import os
import signal
import time

def handle(data, context):
    if data is None:
        return None
    what = bytes(data[0]["body"])
    if what == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == b"hang":
        open("hanging", "w").close()
        while os.path.exists("hanging"):
            time.sleep(0.001)
    else:
        time.sleep(0.00005)  # so that there is always a next one
        fd = os.open("executed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, b".")
        os.close(fd)
    return ["OK"]
"""


def test_what_is_done_is_answered_though_the_next_call_hangs(
    start: StartServer, make_model: MakeModel
) -> None:
    make_model("quick", QUICK)
    server = start(models=["quick"])
    server.wait_ready("quick")
    folder = Path(psutil.Process(server.worker_pids("quick")[0]).cwd())
    hanging, executed = folder / "hanging", folder / "executed"
    with (
        running_load(server.inference_port, "/predictions/quick", 32) as load,
        ThreadPoolExecutor(1) as pool,
    ):
        for _ in range(10):
            goal = sum(load.statuses.values()) + 200
            wait_until(functools.partial(has_answers, load, goal), "answers")
            answer = pool.submit(server.predict, "quick", b"hang")
            wait_until(hanging.exists, "the call that hangs")
            wait_until(
                lambda: load.statuses[200] == executed.stat().st_size, "answers to all before it"
            )
            hanging.unlink()
            assert answer.result(timeout=30).status == 200
    assert load.broken == []
    assert set(load.statuses) == {200}
    assert load.statuses[200] == executed.stat().st_size
    assert_books_balance(server, "quick")


def test_what_is_done_is_answered_though_the_next_call_kills(
    start: StartServer, make_model: MakeModel
) -> None:
    make_model("quick", QUICK)
    server = start(models=["quick"])
    server.wait_ready("quick")
    with running_load(server.inference_port, "/predictions/quick", 32) as load:
        for _ in range(3):
            goal = sum(load.statuses.values()) + 200
            wait_until(functools.partial(has_answers, load, goal), "answers")
            assert server.predict("quick", b"die").status == 500
    assert load.broken == []
    assert set(load.statuses) == {200}
    assert_books_balance(server, "quick")


def test_a_stopped_worker_is_noticed_and_replaced(start: StartServer, noop: str) -> None:
    server = start(models=["noop"], settings={"default_response_timeout_seconds": 1})
    server.wait_ready("noop")
    pid = server.worker_pids("noop")[0]
    os.kill(pid, signal.SIGSTOP)
    answer = server.predict("noop")
    assert (answer.status, answer.json["message"]) == (500, "Worker died.")
    wait_until(lambda: not psutil.pid_exists(pid), "the stopped worker to be ended")
    server.wait_ready("noop")
    assert server.predict("noop").status == 200
    assert_books_balance(server, "noop")


LOAD_FAILURES = {
    "import": "import a_package_that_nobody_has\ndef handle(data, context): return None\n",
    "function": "def other(data, context): return None\n",
    "raises": "def handle(data, context): raise RuntimeError('no weights')\n",
    "exits": "import os\nos._exit(7)\n",
    "sys_exit": "import sys\nsys.exit(7)\n",
    "syntax": "def handle(:\n",
    "hangs": "import threading\nthreading.Event().wait()\n",
}


@pytest.mark.parametrize("name", sorted(LOAD_FAILURES))
def test_a_handler_that_cannot_be_loaded(
    start: StartServer, make_model: MakeModel, name: str
) -> None:
    make_model(name, LOAD_FAILURES[name])
    server = start(settings={"default_startup_timeout": 1 if name == "hangs" else 30})
    answer = server.register(name, initial_workers=1, synchronous="true")
    assert answer.status == 500
    assert answer.json["type"] == "InternalServerException"
    assert answer.json["message"] == "Failed to start workers"
    assert answer.json["reason"]
    assert server.manage("GET", f"/models/{name}").status == 404
    assert server.register(name, initial_workers=0).status == 200
    answer = server.manage("PUT", f"/models/{name}?min_worker=1&synchronous=true")
    assert (answer.status, answer.json["message"]) == (500, "Failed to start workers")
    assert server.describe(name)["workers"][0]["lastError"] == answer.json["reason"]
    assert server.request("GET", "/ping").json == {"status": "Unhealthy"}
    assert server.manage("DELETE", f"/models/{name}").status == 200
    assert server.request("GET", "/ping").json == {"status": "Healthy"}


def test_a_load_that_runs_out_of_memory_is_507(start: StartServer, make_model: MakeModel) -> None:
    make_model("memory", "def handle(data, context): raise MemoryError\n")
    server = start()
    answer = server.register("memory", initial_workers=1, synchronous="true")
    assert (answer.status, answer.json["message"]) == (507, "Failed to start workers")
    assert server.manage("GET", "/models/memory").status == 404


FORKING = """
import os, subprocess, sys, time

def handle(data, context):
    if data is None:
        if os.fork() == 0:
            time.sleep(600)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
        )
        return None
    time.sleep(600)
"""

LOADING = """
import time
time.sleep(600)
"""


def test_nothing_survives_the_front_end(start: StartServer, make_model: MakeModel) -> None:
    """Busy, stopped, loading and preloaded workers, and handlers that forked."""
    make_model("forking", FORKING)
    make_model("loading", LOADING)
    make_model("preloaded", "def handle(data, context): return ['x'] * len(data or [])\n")
    server = start()
    assert server.register("forking", initial_workers=2, synchronous="true").status == 200
    assert (
        server.register(
            "preloaded", initial_workers=2, synchronous="true", preload_model="true"
        ).status
        == 200
    )
    assert server.register("loading", initial_workers=1, synchronous="false").status == 202
    wait_until(
        lambda: server.describe("loading")["workers"][0]["state"] == "loading", "a loading worker"
    )
    with running_load(server.inference_port, "/predictions/forking", 1) as load:
        wait_until(lambda: server.counters("forking")["pending"] == 1, "a busy worker")
        os.kill(server.worker_pids("forking")[-1], signal.SIGSTOP)
        family = server.processes()
        assert len(family) >= 12
        load.is_stopping.set()
        os.kill(server.pid, signal.SIGKILL)
        killed_at = time.monotonic()

        def are_gone() -> bool:
            return not any(
                p.is_running() and p.status() != psutil.STATUS_ZOMBIE
                for p in family
                if psutil.pid_exists(p.pid)
            )

        wait_until(are_gone, "every process of the server to end")
        assert time.monotonic() - killed_at < 10
    wait_until(lambda: not list(server.folder.glob("mms-*")), "the temporary folder to go")
