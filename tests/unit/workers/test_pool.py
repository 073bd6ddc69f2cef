"""Workers started, scaled and ended; with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from mms_server.errors import OutOfResourcesError, WorkerError
from mms_server.serving.policy import Policy
from mms_server.workers.pool import Outcome
from mms_server.workers.worker import State
from support.sinks import Answer
from support.workshop import Served, Workshop, is_alive, until

ECHO = "def handle(data, context):\n    return [each['body'] for each in data or []]\n"
PID = "import os\ndef handle(data, context):\n    return [str(os.getpid())] * len(data or [])\n"
GATED = """
import os, time

def handle(data, context):
    if data is None:
        return None
    while not os.path.exists({gate!r}):
        time.sleep(0.005)
    return ["done"] * len(data)
"""
HANGS_AT_LOAD = "import threading\nthreading.Event().wait()\n"


async def test_from_first_worker_to_last(workshop: Workshop) -> None:
    served = workshop.serve(ECHO)
    assert await served.scale(1) is Outcome.SCALED
    assert served.states == [State.READY]
    assert await served.predict(b"hello") == b"hello"
    assert await served.scale(3) is Outcome.SCALED
    assert len(set(served.pids)) == 3
    pids = served.pids
    assert await served.scale(1) is Outcome.SCALED
    assert served.pids == pids[:1], "the oldest stays"
    assert await served.scale(0) is Outcome.SCALED
    assert served.pool.workers == []
    assert not any(map(is_alive, pids))
    assert await served.scale(1) is Outcome.SCALED
    assert await served.predict(b"again") == b"again"


async def test_a_model_learns_how_many_workers_share_the_cores(workshop: Workshop) -> None:
    served = workshop.serve(
        "def handle(data, context):\n    return [str(context.workers)] * len(data or [])\n"
    )
    await served.scale(1)
    assert await served.predict(b"") == b"1"
    await served.scale(3)
    os.kill(served.pids[0], signal.SIGKILL)
    await until(lambda: served.pool.restarts == 1, "the death to be seen")
    await until(lambda: served.pool.ready_workers == 3, "another in its place")
    await until(lambda: len(set(served.pids)) == 3, "all of them")
    assert await served.predict(b"") == b"3"


async def test_a_large_request_and_answer(workshop: Workshop) -> None:
    served = workshop.serve(ECHO, max_response_bytes=10**9)
    await served.scale(1)
    body = os.urandom(5_000_000)
    assert await served.predict(body) == body


async def test_a_later_target_overtakes_an_earlier_one(workshop: Workshop) -> None:
    served = workshop.serve(ECHO)
    first = asyncio.create_task(served.scale(2))
    await until(lambda: served.pool.workers, "the first target to be seen")
    assert await served.scale(1) is Outcome.SCALED
    assert await first is Outcome.SUPERSEDED


async def test_who_stops_waiting_cancels_nothing(workshop: Workshop) -> None:
    served = workshop.serve(ECHO)
    waiting = asyncio.create_task(served.scale(1))
    await until(lambda: served.pool.workers, "the target to be seen")
    waiting.cancel()
    await until(lambda: served.pool.ready_workers == 1, "the worker all the same")


LOAD_FAILURES = {
    "import": ("import no_such_package_at_all\n", "'no_such_package_at_all'"),
    "function": ("def other(): pass\n", "it defines other"),
    "raises": ("def handle(data, context): raise RuntimeError('no weights')\n", "no weights"),
    "sys.exit": ("import sys\nsys.exit(3)\n", "sys.exit(3)"),
    "os._exit": ("import os\nprint('so long')\nos._exit(7)\n", "exit status 7"),
    "abort": ("import os, signal\nos.kill(os.getpid(), signal.SIGABRT)\n", "SIGABRT"),
}


@pytest.mark.parametrize("name", sorted(LOAD_FAILURES))
async def test_why_a_model_does_not_load(workshop: Workshop, name: str) -> None:
    code, reason = LOAD_FAILURES[name]
    served = workshop.serve(code)
    with pytest.raises(WorkerError, match=r"Load model failed|Worker died while loading") as caught:
        await served.scale(1)
    assert reason in str(caught.value)
    assert type(caught.value) is WorkerError
    assert served.worker.last_error is caught.value


async def test_a_load_that_takes_too_long(workshop: Workshop) -> None:
    served = workshop.serve(HANGS_AT_LOAD, startup_timeout_s=0.5)
    with pytest.raises(WorkerError, match=r"did not load within 0\.5 s"):
        await served.scale(1)
    await until(lambda: not workshop.processes, "its process to end")


@pytest.mark.parametrize(
    "code",
    [
        "def handle(data, context): raise MemoryError\n",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    ],
)
async def test_a_load_that_runs_out_of_memory(workshop: Workshop, code: str) -> None:
    served = workshop.serve(code)
    with pytest.raises(OutOfResourcesError):
        await served.scale(1)


async def test_a_worker_that_cannot_be_executed(workshop: Workshop) -> None:
    served = workshop.serve(ECHO, runtime="a-python-that-nobody-has")
    with pytest.raises(WorkerError, match="cannot be started with a-python-that-nobody-has"):
        await served.scale(1)


async def test_a_worker_that_cannot_load_is_tried_again(
    workshop: Workshop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ready = tmp_path / "ready"
    served = workshop.serve(f"import os\nassert os.path.exists({str(ready)!r})\n{ECHO}")
    with pytest.raises(WorkerError):
        await served.scale(1)
    ready.touch()
    assert await served.scale(1) is Outcome.SCALED
    assert await served.predict(b"x") == b"x"
    assert "Retry worker: W-9000-m0 in 1 seconds." in caplog.text
    assert served.pool.restarts == 1


@pytest.mark.parametrize(
    "death",
    ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(1)", "os.abort()"],
)
async def test_a_handler_that_ends_its_worker(workshop: Workshop, death: str) -> None:
    served = workshop.serve(
        "import os, signal, sys\n"
        "def handle(data, context):\n"
        "    for each in data or []:\n"
        f"        if each['body'] == b'die': {death}\n"
        "    return ['alive'] * len(data or [])\n"
    )
    await served.scale(1)
    (pid,) = served.pids
    with pytest.raises(WorkerError, match=r"^Worker died\.$"):
        await served.predict(b"die")
    assert await served.predict() == b"alive"
    assert served.pids != [pid]
    assert served.pool.restarts == 1
    assert "Worker died (" in str(served.worker.last_error)


async def test_a_stopped_worker_is_replaced(workshop: Workshop) -> None:
    served = workshop.serve(PID, Policy(response_timeout_s=0.3))
    await served.scale(1)
    (pid,) = served.pids
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(WorkerError, match="Worker died"):
        await served.predict()
    assert int(await served.predict()) != pid
    await until(lambda: not is_alive(pid), "the stopped one to end")


async def close_behind_gate(
    workshop: Workshop, gate: Path
) -> tuple[Served, asyncio.Future[Answer], asyncio.Task[None]]:
    """Close a model whose worker is held at a gate; returns it, what was asked, and the closing."""
    served = workshop.serve(GATED.format(gate=str(gate)))
    await served.scale(1)
    answer = served.submit()
    closing = asyncio.create_task(served.close(drain_s=20))
    await until(lambda: served.states == [State.DRAINING], "the worker to be draining")
    return served, answer, closing


async def test_what_was_sent_is_finished_before_the_end(workshop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    _, answer, closing = await close_behind_gate(workshop, gate)
    gate.touch()
    assert (await answer).body == [b"done"]
    await closing
    assert workshop.processes == []


async def test_who_does_not_finish_in_time_is_killed(workshop: Workshop, tmp_path: Path) -> None:
    served = workshop.serve(GATED.format(gate=str(tmp_path / "never")))
    await served.scale(1)
    answer = served.submit()
    await served.close(drain_s=0.1)
    with pytest.raises(WorkerError):
        await answer
    assert workshop.processes == []


async def test_a_thread_of_the_handlers_does_not_hold_up_the_end(workshop: Workshop) -> None:
    """The interpreter waits for it for ever."""
    served = workshop.serve(
        f"import threading\nthreading.Thread(target=threading.Event().wait).start()\n{ECHO}"
    )
    await served.scale(1)
    await served.close(drain_s=1000)
    assert workshop.processes == []


async def test_a_handler_that_closes_the_link_is_replaced(workshop: Workshop) -> None:
    served = workshop.serve(
        "import os, threading\n"
        "def handle(data, context):\n"
        "    if data and data[0]['body'] == b'close':\n"
        "        os.closerange(3, 100)\n"
        "        threading.Event().wait()\n"
        "    return ['alive'] * len(data or [])\n"
    )
    await served.scale(1)
    with pytest.raises(WorkerError):
        await served.predict(b"close")
    assert await served.predict() == b"alive"


async def test_a_worker_that_waits_for_its_turn_to_load_can_be_ended(workshop: Workshop) -> None:
    """All slots are taken by models that hang."""
    hanging = workshop.serve(HANGS_AT_LOAD, startup_timeout_s=1000)
    slots = os.cpu_count() or 1
    hanging.pool.set_target(slots, slots)
    await until(lambda: hanging.states == [State.LOADING] * slots, "the slots to be taken")
    served = workshop.serve(ECHO)
    served.pool.set_target(1, 1)
    await until(lambda: served.pool.workers, "a worker that waits")
    await served.close(drain_s=1000)
    assert hanging.states == [State.LOADING] * slots


async def test_the_end_wins_over_a_later_target(workshop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    served, answer, closing = await close_behind_gate(workshop, gate)
    assert await served.scale(2) is Outcome.SUPERSEDED
    gate.touch()
    await asyncio.gather(answer, closing)
    assert served.pool.workers == []


async def test_an_expired_job_behind_a_head_that_hangs_is_not_run(
    workshop: Workshop, tmp_path: Path
) -> None:
    gate, log = tmp_path / "gate", tmp_path / "log"
    served = workshop.serve(
        "import os, time\n"
        "def handle(data, context):\n"
        "    for each in data or []:\n"
        f"        open({str(log)!r}, 'ab').write(each['body'])\n"
        f"        while each['body'] == b'h' and not os.path.exists({str(gate)!r}):\n"
        "            time.sleep(0.005)\n"
        "    return ['x'] * len(data or [])\n"
    )
    await served.scale(1)
    await served.predict(b"1")
    head, behind = served.submit(b"h"), served.submit(b"b", 0.2)
    with pytest.raises(Exception, match="expired"):
        await behind
    gate.touch()
    await head
    await served.predict(b"2")
    assert log.read_bytes() == b"1h2"


async def test_between_the_bounds_as_many_as_are_wanted(workshop: Workshop) -> None:
    served = workshop.serve(ECHO)
    await served.scale(2)
    oldest = served.pids[0]
    served.pool.set_target(1, 3)
    assert await served.pool.reach_target() is Outcome.SCALED
    assert (served.pool.target.wanted, len(served.pids)) == (2, 2), "they are within the bounds"
    served.pool.want(9)
    assert served.pool.target.wanted == 3
    await until(lambda: served.pool.ready_workers == 3, "a third")
    served.pool.want(0)
    assert served.pool.target.wanted == 1
    await until(lambda: len(served.pool.workers) == 1, "two to end")
    assert served.pids == [oldest]
    assert await served.predict(b"still") == b"still"


async def test_a_worker_beyond_the_least_fails_no_scaling(
    workshop: Workshop, tmp_path: Path
) -> None:
    served = workshop.serve(
        f"import os\nos.open({str(tmp_path / 'once')!r}, os.O_CREAT | os.O_EXCL)\n{ECHO}"
    )
    served.pool.set_target(1, 2)
    assert await served.pool.reach_target() is Outcome.SCALED
    with pytest.raises(WorkerError, match="FileExistsError"):
        await served.scale(2)
    served.pool.set_target(1, 2)
    assert await served.pool.reach_target() is Outcome.SCALED, "one is enough"
