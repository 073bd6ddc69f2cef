"""Instructions that a process executes outside the kernel, counted one by one: see ptrace(2).

It needs no counter of the processor, which virtual machines hide, and finds the same on a busy
machine as on an idle one. A system call counts as one instruction. The process is a thousand times
slower meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.errors import BenchError

_SINGLESTEP = 9
_DETACH = 17
_SEIZE = 0x4206
_INTERRUPT = 0x4207
_EVENT_STOP = 128
_WALL = 0x40000000  # wait for what is traced as for a child
_GLANCE_S = 0.0005
_MACHINES = ("x86_64", "aarch64")

Ask = Callable[[], None]
"""Asks a process for something and returns once it has answered. Raises OSError."""


class SteppingError(BenchError):
    """Nothing can be stepped on this machine, by this user."""


def count(pid: int, ask: Ask, times: int) -> list[int]:
    """Return the instructions of a process's main thread for each answer, wait to wait.

    `ask` is called `times` and twice more, from a thread of its own: the first answer is not
    counted, for the process was interrupted where it waited, and the last only lets it go. The
    process is to wait for what it is asked between two answers, or this does not return. A
    process that does not answer is killed, or its next step would be waited for without end.
    Nothing else may wait for the process meanwhile, `Popen.poll` included: each stop is told once.
    Raises SteppingError, and BenchError if the process ends or does not answer.
    """
    with _traced(pid) as tracee:
        asker = _Asker(tracee, ask, times + 1)
        asker.start()
        try:
            while asker.is_counting:
                tracee.step()
        except BenchError as error:
            asker.join()  # nothing is asked of what has ended after this returns
            raise asker.failure or error from error
    asker.join()
    return [after - before for before, after in itertools.pairwise(asker.marks)]


class _Tracee:
    """The main thread of another process; it stands still between two steps."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.steps = 0
        self._signal = 0

    def attach(self) -> None:
        """Stop it. Raises SteppingError."""
        if platform.system() != "Linux" or platform.machine() not in _MACHINES:
            raise SteppingError(f"stepping is written for Linux on {' and '.join(_MACHINES)}")
        try:
            _ptrace(_SEIZE, self.pid)
        except PermissionError as error:
            raise SteppingError(
                f"process {self.pid} cannot be traced: {error}. It takes the right to: "
                "CAP_SYS_PTRACE in a container, or kernel.yama.ptrace_scope below 2."
            ) from error
        _ptrace(_INTERRUPT, self.pid)
        self._wait()

    def step(self) -> None:
        """Execute one instruction, be it a system call that blocks. Raises BenchError."""
        try:
            _ptrace(_SINGLESTEP, self.pid, self._signal)
        except ProcessLookupError as error:
            raise BenchError(f"process {self.pid} ended while it was stepped") from error
        self._wait()
        self.steps += 1

    def await_wait(self) -> None:
        """Return once it waits in a system call, or has ended; for another thread than `step`'s.

        What it executes from an answer to this would else count before the answer is seen or
        after, as the scheduler has it. Nothing tells of it: its state is read, proc_pid_stat(5).
        """
        stat = Path(f"/proc/{self.pid}/stat")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            while stat.read_text().rpartition(") ")[2][0] in "RDt":
                time.sleep(_GLANCE_S)

    def detach(self) -> None:
        _ptrace(_DETACH, self.pid, self._signal)

    def _wait(self) -> None:
        """Wait until it stands still, and keep the signal that it is to be given, if one came."""
        _, status = os.waitpid(self.pid, _WALL)
        if not os.WIFSTOPPED(status):
            raise BenchError(f"process {self.pid} ended while it was stepped")
        number = os.WSTOPSIG(status)
        is_ours = number == signal.SIGTRAP or status >> 16 == _EVENT_STOP
        self._signal = 0 if is_ours else number


class _Asker(threading.Thread):
    """Asks over and over, and notes at each answer how many steps there have been."""

    def __init__(self, tracee: _Tracee, ask: Ask, times: int) -> None:
        super().__init__(daemon=True)
        self.marks: list[int] = []
        self.failure: BenchError | None = None
        self._tracee = tracee
        self._ask = ask
        self._times = times

    @property
    def is_counting(self) -> bool:
        return len(self.marks) < self._times

    def run(self) -> None:
        try:
            while self.is_counting:
                self._ask()
                self._tracee.await_wait()
                self.marks.append(self._tracee.steps)
            self._ask()
        except OSError as error:
            self.failure = BenchError(f"process {self._tracee.pid} does not answer: {error}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._tracee.pid, signal.SIGKILL)


@contextlib.contextmanager
def _traced(pid: int) -> Iterator[_Tracee]:
    tracee = _Tracee(pid)
    tracee.attach()
    try:
        yield tracee
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            tracee.detach()


def _ptrace(request: int, pid: int, data: int = 0) -> None:
    if _libc.ptrace(request, pid, None, data) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
