"""A worker never outlives its front end, and never holds what is not its own."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1
"""Linux `include/uapi/linux/prctl.h`."""


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent dies (Linux; elsewhere nothing).

    Ends the process if the parent died before the question was asked (prctl(2),
    PR_SET_PDEATHSIG). Works on a stopped process, too.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)


def watch(lifetime_fd: int) -> None:
    """End this process and all that it started when the lifetime pipe's other end is closed.

    Nothing is ever written to that pipe: its end is the message. The process leads its own
    group, so the handler's children go with it.
    """

    def wait() -> None:
        os.read(lifetime_fd, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, name="lifetime", daemon=True).start()


def keep_private(fds: list[int]) -> None:
    """Keep descriptors from the programs that a handler may start."""
    for fd in fds:
        os.set_inheritable(fd, False)
