"""One operating system process that runs a worker: started, waited for, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mms_server.workers.page import Page
from mms_server.workers.spec import WorkerSpec


@dataclass(frozen=True, slots=True)
class Process:
    """A started process and our ends of what connects us to it.

    `exit` resolves to the exit status as `subprocess` reports it (negative: the signal). The
    process leads a group of its own, named by its pid.
    """

    pid: int
    link: socket.socket
    page: Page
    stdout: IO[bytes]
    stderr: IO[bytes]
    exit: asyncio.Future[int]

    def kill(self) -> None:
        """End the process and everything in its group, at once."""
        kill_group(self.pid)
        if not self.exit.done():  # one that was forked just now may not lead its group yet
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def kill_group(pid: int) -> None:
    """Send SIGKILL to the group that `pid` leads or led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def worker_command(
    python: str, fds: tuple[int, int, int], nofile: int, *, template: bool = False
) -> list[str]:
    """Build the command of a worker of this process: `mms.worker.main` reads it.

    `fds` are its link, its page and the pipe that ends with this process.
    """
    link, page, lifetime = fds
    return [
        *(python, "-m", "mms.worker", "--link", str(link), "--page", str(page)),
        *("--lifetime", str(lifetime), "--parent", str(os.getpid())),
        *("--nofile", str(nofile), "--template", str(int(template))),
    ]


def spawn(
    spec: WorkerSpec, runtime: Path, lifetime_fd: int, nofile: int, *, template: bool = False
) -> Process:
    """Execute a fresh worker process; never a fork of the front end. Loop thread only.

    From this thread because the kernel ties "die with the parent" to the thread that started
    the child (prctl(2), PR_SET_PDEATHSIG). Raises OSError when it cannot be executed.
    """
    ours, theirs = socket.socketpair()
    page = Page.create()
    fds = theirs.fileno(), page.fd, lifetime_fd
    command = worker_command(spec.python, fds, nofile, template=template)
    try:
        child = subprocess.Popen(  # noqa: S603 - the interpreter is the operator's choice
            command,
            cwd=runtime,
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=fds,
            start_new_session=True,
        )
    except OSError:
        ours.close()
        page.close()
        raise
    finally:
        theirs.close()
    page.close_fd()
    assert child.stdout is not None
    assert child.stderr is not None
    return Process(child.pid, ours, page, child.stdout, child.stderr, watch_exit(child))


def watch_exit(child: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """Learn of a child's end from a pidfd, or where there is none from a thread that waits."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def resolve(status: int) -> None:
        if not ended.done():
            ended.set_result(status)

    try:
        pidfd = os.pidfd_open(child.pid)
    except (AttributeError, OSError):  # macOS; Linux before 5.3

        def wait() -> None:
            status = child.wait()
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
                loop.call_soon_threadsafe(resolve, status)

        threading.Thread(target=wait, name=f"wait-{child.pid}", daemon=True).start()
        return ended

    def reap() -> None:
        loop.remove_reader(pidfd)
        os.close(pidfd)
        resolve(child.wait())

    loop.add_reader(pidfd, reap)
    return ended


def describe_exit(status: int) -> str:
    """Say how a process ended."""
    if status >= 0:
        return f"exit status {status}"
    with contextlib.suppress(ValueError):
        return f"killed by {signal.Signals(-status).name}"
    return f"killed by signal {-status}"
