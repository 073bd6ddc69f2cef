"""What the helper process does to itself before it touches an archive. Not for the server."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from mms_server.archive.limits import Limits

_OPEN_FILES = 64
_CPU_SLACK_S = 5
"""The soft limit sends SIGXCPU, which tells what happened; at the hard one SIGKILL would."""

_GRACE_S = 5.0


def confine(limits: Limits) -> None:
    """Take the lowest priority, and resource limits that no code of ours should ever reach.

    They hold when the checks in this room fail to: a decoder that loops is ended by SIGXCPU, one
    that hoards gets MemoryError.
    """
    os.nice(19)
    _lower(resource.RLIMIT_CPU, limits.cpu_s, slack=_CPU_SLACK_S)
    _lower(resource.RLIMIT_FSIZE, max(limits.archive_bytes, limits.unpacked_bytes))
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)  # a core file would hold the credentials of a URL
    if sys.platform == "linux":  # macOS maps some hundred GiB into every process
        _lower(resource.RLIMIT_AS, limits.memory_bytes)


def end_with_parent(input_fd: int) -> None:
    """End this process, by SystemExit in the main thread, when `input_fd` reaches its end.

    Only the parent holds the other end, so it learns of the parent's death however that came,
    and the main thread can still remove what it has written. Main thread only.
    """
    signal.signal(signal.SIGTERM, _exit)
    threading.Thread(target=_watch, args=(input_fd,), name="parent-watch", daemon=True).start()


@contextmanager
def deadline(timeout_s: float) -> Iterator[None]:
    """Raise TimeoutError in the body, also in the middle of a system call. Main thread only."""
    signal.signal(signal.SIGALRM, _raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, timeout_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _lower(kind: int, value: int, slack: int = 0) -> None:
    hard = resource.getrlimit(kind)[1]
    ceiling = value + slack if hard == resource.RLIM_INFINITY else min(value + slack, hard)
    resource.setrlimit(kind, (min(value, ceiling), ceiling))


def _watch(input_fd: int) -> None:
    while os.read(input_fd, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_S)  # the main thread may sit in a call that no signal interrupts
    os._exit(1)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _raise_timeout(number: int, frame: FrameType | None) -> NoReturn:
    raise TimeoutError("the total timeout is over")
