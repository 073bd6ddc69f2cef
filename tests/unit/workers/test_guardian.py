"""Nothing survives a front end, however it ends; with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mms_server.workers.guardian import Guardian
from mms_server.workers.guardian_main import find_marked
from mms_server.workers.runtime import MARK
from support.workshop import DEADLINE_S, Workshop, is_alive, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]

FRONT_END = """
import asyncio, os, signal, sys
from pathlib import Path
from support.workshop import Workshop, until

FORKING = '''
import os, subprocess, sys, time

def handle(data, context):
    if data is None:
        return None
    if os.fork() == 0:
        time.sleep(600)
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    open("busy", "w").close()
    time.sleep(600)
'''

async def main():
    shop = Workshop(Path(sys.argv[1]))
    forking, idle = shop.serve(FORKING), shop.serve("def handle(data, context): return []")
    preloaded = shop.serve("def handle(data, context): return []", preload=True)
    loading = shop.serve("import time; time.sleep(600)")
    for served, workers in ((forking, 1), (idle, 1), (preloaded, 2)):
        await served.scale(workers)
    loading.pool.set_target(1, 1)
    forking.submit()
    await until((forking.spec.folder / "busy").exists, "a busy worker")
    await until(lambda: loading.states == ["loading"], "a loading worker")
    os.kill(idle.pids[0], signal.SIGSTOP)
    os.kill(preloaded.pids[0], signal.SIGSTOP)
    if len(sys.argv) > 2:
        first = shop.guardian._child.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: shop.guardian._child.pid != first, "another guardian")
    print(shop.mark, shop.temporary, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("arguments", [[], ["and the guardian before"]])
def test_nothing_survives_a_front_end_that_is_killed(tmp_path: Path, arguments: list[str]) -> None:
    """Busy, stopped, loading and forked workers, and all that a handler started."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    front_end = subprocess.Popen(
        [sys.executable, "-c", FRONT_END, tmp_path, *arguments], stdout=subprocess.PIPE, env=environ
    )
    with front_end:
        assert front_end.stdout is not None
        said = front_end.stdout.readline().split()
        mark = f"{MARK}={said[0].decode()}".encode()
        family = [pid for pid in find_marked(mark) if is_alive(pid)]
        front_end.kill()
    # A template, 5 workers, and what the busy one started: 2 forks and 2 programs.
    assert len(family) == 10
    end = time.monotonic() + DEADLINE_S
    while any(map(is_alive, family)) or find_marked(mark) or Path(said[1].decode()).exists():
        assert time.monotonic() < end, [pid for pid in family if is_alive(pid)]
        time.sleep(0.005)


async def test_a_guardian_that_dies_is_replaced_and_told_everything(tmp_path: Path) -> None:
    """Groups are killed by number, too: not every system tells a process's environment."""
    guardian = Guardian("no such mark", tmp_path / "temporary")
    sleeper = subprocess.Popen(SLEEPER, start_new_session=True)  # noqa: ASYNC220 - a child to kill
    guardian.add(sleeper.pid)
    first = guardian._child
    first.kill()
    await until(lambda: guardian._child is not first, "another guardian")
    assert is_alive(sleeper.pid)
    guardian.close()
    assert sleeper.wait() == -signal.SIGKILL


async def test_telling_a_dead_guardian_is_no_error(workshop: Workshop) -> None:
    child = workshop.guardian._child
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - it is dead
    workshop.guardian.add(2**30)
    workshop.guardian.remove(2**30)
    await until(lambda: workshop.guardian._child is not child, "another guardian")


def test_only_the_processes_of_this_front_end_are_found() -> None:
    mine = subprocess.Popen(SLEEPER, env={MARK: "mine-of-test"})
    other = subprocess.Popen(SLEEPER, env={MARK: "mine-of-test-2"})
    try:
        end = time.monotonic() + DEADLINE_S
        while not (found := find_marked(f"{MARK}=mine-of-test".encode())):
            assert time.monotonic() < end
        assert found == [mine.pid]
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()
