from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from mms.worker import lifetime

DEADLINE_S = 20.0

WATCHER = """
import os, sys, time
from mms.worker import lifetime
lifetime.watch(int(sys.argv[1]))
child = os.fork()
if child == 0:
    time.sleep(600)
print(child, flush=True)
time.sleep(600)
"""

GRANDPARENT = """
import os, subprocess, sys, time
code = '''
import os, sys, time
from mms.worker import lifetime
lifetime.die_with_parent(int(sys.argv[1]))
print(os.getpid(), flush=True)
time.sleep(600)
'''
subprocess.Popen([sys.executable, "-c", code, str(os.getpid())], start_new_session=True)
time.sleep(600)
"""


def until(probe: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not probe():
        assert time.monotonic() < end, what
        time.sleep(0.005)


def is_gone(pid: int) -> bool:
    """Whether nothing of it runs any more; who reaps it may take its time."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def test_the_end_of_the_pipe_ends_a_process_and_its_children() -> None:
    read_end, write_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", WATCHER, str(read_end)],
        pass_fds=[read_end],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert process.poll() is None
        os.close(write_end)
        os.close(read_end)
        assert process.wait(DEADLINE_S) == -9
    until(lambda: is_gone(child), "the child to end")


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_process_ends_with_its_parent() -> None:
    process = subprocess.Popen([sys.executable, "-c", GRANDPARENT], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert not is_gone(pid)
        process.kill()
        until(lambda: is_gone(pid), "the process to end with its parent")


def test_a_parent_that_is_gone_already() -> None:
    code = "from mms.worker import lifetime; lifetime.die_with_parent(2**22 + 1)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 1


def test_descriptors_are_kept_from_other_programs() -> None:
    fds = list(os.pipe())
    for fd in fds:
        os.set_inheritable(fd, True)
    lifetime.keep_private(fds)
    assert not any(map(os.get_inheritable, fds))
    for fd in fds:
        os.close(fd)
