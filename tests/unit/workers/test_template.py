"""Workers that are forked from a template that has the model loaded; with real processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mms_server.errors import OutOfResourcesError, WorkerError
from mms_server.metrics.metrics_log import MetricsLog
from mms_server.workers.pool import Outcome
from support.workshop import Served, Workshop, is_alive, until

PID = (
    "import os\nPARENT = os.getpid()\n"
    "def handle(data, context):\n    return [f'{os.getpid()} {PARENT}'] * len(data or [])\n"
)


def template_pid(served: Served) -> int:
    """Find the process that the workers were forked from."""
    stat = Path(f"/proc/{served.pids[0]}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


async def test_workers_are_forked_from_one_template(workshop: Workshop) -> None:
    served = workshop.serve(PID, preload=True)
    assert await served.scale(3) is Outcome.SCALED
    template = template_pid(served)
    assert len(set(served.pids)) == 3
    pid, loaded_by = map(int, (await served.predict()).split())
    assert (pid in served.pids, loaded_by) == (True, template)
    assert await served.scale(1) is Outcome.SCALED
    assert is_alive(template)
    await served.close(drain_s=20)
    await until(lambda: not is_alive(template), "the template to end with its model")


async def test_what_the_load_measured_is_told_once(workshop: Workshop) -> None:
    lines: list[bytes] = []
    code = (
        "def handle(data, context):\n"
        "    if data is None:\n        context.metrics.add_counter('Loads', 1)\n"
        "    return ['x'] * len(data or [])\n"
    )
    log = MetricsLog(None, lines.append, "host")
    served = workshop.serve(code, preload=True, metrics=log)
    await served.scale(3)
    await asyncio.gather(*(served.predict() for _ in range(3)))
    assert len([line for line in lines if line.startswith(b"Loads.Count:1|")]) == 1


async def test_a_forked_worker_that_dies_is_replaced(workshop: Workshop) -> None:
    served = workshop.serve(PID, preload=True)
    await served.scale(1)
    template, (pid,) = template_pid(served), served.pids
    os.kill(pid, signal.SIGKILL)
    await until(lambda: served.pids not in ([], [pid]), "its successor")
    assert (await served.predict()).split()[1] == b"%d" % template
    assert "killed by SIGKILL" in str(served.worker.last_error)


async def test_a_template_that_dies_takes_its_workers_along_and_is_replaced(
    workshop: Workshop,
) -> None:
    served = workshop.serve(PID, preload=True)
    await served.scale(2)
    template, pids = template_pid(served), served.pids
    os.kill(template, signal.SIGKILL)
    await until(lambda: not any(map(is_alive, pids)), "its workers to end")
    await until(
        lambda: set(served.pids).isdisjoint(pids) and served.pool.ready_workers == 2,
        "their successors",
    )
    assert int((await served.predict()).split()[1]) != template


@pytest.mark.parametrize(
    ("code", "error", "reason"),
    [
        ("def handle(data, context): raise RuntimeError('no weights')\n", WorkerError, "weights"),
        ("def handle(data, context): raise MemoryError\n", OutOfResourcesError, "MemoryError"),
        ("import os\nos._exit(7)\n", WorkerError, "exit status 7"),
        ("import sys\nsys.exit(7)\n", WorkerError, r"sys\.exit\(7\)"),
    ],
)
async def test_a_template_that_cannot_load(
    workshop: Workshop, code: str, error: type[WorkerError], reason: str
) -> None:
    served = workshop.serve(code, preload=True)
    with pytest.raises(error, match=reason):
        await served.scale(2)


async def test_a_template_that_takes_too_long(workshop: Workshop) -> None:
    served = workshop.serve(
        "import threading\nthreading.Event().wait()\n", preload=True, startup_timeout_s=0.5
    )
    with pytest.raises(WorkerError, match=r"did not load within 0\.5 s"):
        await served.scale(1)


async def test_workers_that_wait_for_a_template_can_be_ended(workshop: Workshop) -> None:
    served = workshop.serve(
        "import threading\nthreading.Event().wait()\n", preload=True, startup_timeout_s=1000
    )
    served.pool.set_target(2, 2)
    await until(lambda: workshop.processes, "the template")
    await served.close(drain_s=1000)
    await until(lambda: not workshop.processes, "the template to end")


async def test_a_model_with_threads_is_not_forked(
    workshop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    served = workshop.serve(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n" + PID,
        preload=True,
    )
    assert await served.scale(2) is Outcome.SCALED
    pid, loaded_by = (await served.predict()).split()
    assert pid == loaded_by, "it loaded the model itself"
    assert caplog.text.count("would not survive a fork") == 1
    await until(lambda: sorted(workshop.processes) == sorted(served.pids), "no idle template")


async def test_a_fork_that_is_not_allowed_harms_no_other_worker(workshop: Workshop) -> None:
    served = workshop.serve(
        "import os\n_fork = os.fork\ndef fork():\n"
        "    if os.path.exists('full'): raise BlockingIOError(11, 'no more processes')\n"
        "    return _fork()\n"
        "os.fork = fork\n" + PID,
        preload=True,
    )
    await served.scale(1)
    pids = served.pids
    (served.spec.folder / "full").touch()
    with pytest.raises(WorkerError, match="no more processes"):
        await served.scale(2)
    assert served.pids == pids
    await served.predict()


@contextlib.contextmanager
def many_open_files(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    fds = [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]
    try:
        yield
    finally:
        for fd in fds:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2000, reason="needs descriptors from 1024"
)
@pytest.mark.parametrize("preload", [False, True])
async def test_a_front_end_with_many_connections(workshop: Workshop, *, preload: bool) -> None:
    """Descriptors keep their numbers in the worker: select() would refuse them."""
    with many_open_files(1100):
        served = workshop.serve(PID, preload=preload)
        assert await served.scale(2) is Outcome.SCALED
        assert await served.predict()


TABLE = """
TABLE = bytes(bytearray(range(256)) * (200 * 4096))

def handle(data, context):
    return [TABLE[:1]] * len(data or [])
"""


def pss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


async def test_four_workers_share_one_table(workshop: Workshop) -> None:
    """200 MB, of which the template holds a fifth share: all five together hold it once."""
    served = workshop.serve(TABLE, preload=True)
    await served.scale(4)
    await asyncio.gather(*(served.predict() for _ in range(16)))
    workers = [pss_kib(pid) for pid in served.pids]
    family = sum(workers) + pss_kib(template_pid(served))
    one_alone_kib = 200 * 1024
    assert sum(workers) <= 1.5 * one_alone_kib
    assert one_alone_kib <= family <= 1.5 * one_alone_kib
