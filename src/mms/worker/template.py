"""`preload_model`: one process loads the model, and workers are forked from it.

What the load read stays shared between them until somebody writes to it. The template runs no
thread of its own, and none may be started by the load: threads do not survive a fork, and an
engine that waits for its pool would hang.
"""

from __future__ import annotations

import array
import gc
import os
import select
import signal
import socket
import sys
import threading
from typing import Any

from mms import wire
from mms.worker import lifetime
from mms.worker.channel import Channel
from mms.worker.loop import WorkerLoop, map_page
from mms.worker.outbox import Outbox

_FDS_PER_FORK = 4
"""Link, page, stdout and stderr of the new worker."""


class Template:
    """Loads a model, then forks a worker for each FORK, and reports their ends."""

    def __init__(self, link: socket.socket, lifetime_fd: int) -> None:
        self._link = link
        self._lifetime_fd = lifetime_fd
        self._loop = WorkerLoop()

    def run(self) -> None:
        """Serve until the front end closes the link or its lifetime pipe."""
        channel = Channel(self._link)
        channel.send([self._loop.hello()])
        message = channel.receive()
        reply = self._loop.load(message.meta)
        reply["threads"] = _count_threads()
        channel.send([wire.encode_json(wire.LOADED, reply)])
        gc.collect()
        gc.freeze()
        woken, waker = os.pipe()
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()  # and not select, which refuses descriptors from 1024
        for fd in (self._link.fileno(), self._lifetime_fd, woken):
            poll.register(fd, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll()]
            if self._lifetime_fd in ready:
                return
            if woken in ready:
                os.read(woken, 4096)
                self._report_ends()
            if self._link.fileno() in ready and not self._fork_one([woken, waker]):
                return

    def _fork_one(self, private_fds: list[int]) -> bool:
        frame, fds = _receive_with_fds(self._link)
        if len(fds) != _FDS_PER_FORK or not frame:
            return False
        template_pid = os.getpid()
        reply: dict[str, Any] = {}
        try:
            reply["pid"] = os.fork()
        except OSError as exc:  # no more processes allowed: those that there are go on
            reply["error"] = str(exc)
        if reply.get("pid") == 0:
            self._become_worker(template_pid, fds, private_fds)
        if "pid" in reply:
            self._loop.forget_metrics()  # the model was loaded once, and the first worker says so
        for fd in fds:
            os.close(fd)
        self._link.sendall(wire.encode_json(wire.FORKED, reply))
        return True

    def _become_worker(self, template_pid: int, fds: list[int], private_fds: list[int]) -> None:
        """Turn the fresh child into a worker like any other; never returns."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        lifetime.die_with_parent(template_pid)
        link_fd, page_fd, stdout_fd, stderr_fd = fds
        os.dup2(stdout_fd, 1)
        os.dup2(stderr_fd, 2)
        self._link.close()
        for fd in (stdout_fd, stderr_fd, *private_fds):
            os.close(fd)
        lifetime.keep_private([link_fd, page_fd])
        lifetime.watch(self._lifetime_fd)
        try:
            page = map_page(page_fd)
            self._loop.run(Channel(socket.socket(fileno=link_fd), Outbox(page)), page)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def _report_ends(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._link.sendall(wire.encode_json(wire.EXITED, {"pid": pid, "status": status}))


def _receive_with_fds(link: socket.socket) -> tuple[bytes, list[int]]:
    fds = array.array("i")
    space = socket.CMSG_SPACE(_FDS_PER_FORK * fds.itemsize)
    data, ancillary, _, _ = link.recvmsg(wire.HEADER.size, space)
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    return data, list(fds)


def _count_threads() -> int:
    """Count the threads of this process: the kernel's count where it tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
