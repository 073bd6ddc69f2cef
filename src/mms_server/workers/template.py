"""The front end's handle on a template: the process that `preload_model` forks workers from."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

from mms import wire
from mms_server.errors import OutOfResourcesError, WorkerError
from mms_server.workers.frame_reader import FrameReader
from mms_server.workers.link import load_error
from mms_server.workers.output import OutputReader
from mms_server.workers.page import Page
from mms_server.workers.process import Process, describe_exit
from mms_server.workers.spec import WorkerSpec

logger = logging.getLogger("mms_server.workers")

_READ_BYTES = 64 * 1024
_FORK_S = 30.0
_CLOSE_S = 1.0


class NotForkableError(Exception):
    """The loaded model cannot be shared by forking; workers can be executed as usual."""


class Template:
    """Loads the model once, on the first `fork`; then each fork costs milliseconds.

    Descriptors cross by SCM_RIGHTS, so its socket is driven here and not by a transport. Its
    workers' ends are reported by it, being their parent. Loop thread only.
    """

    def __init__(self, spec: WorkerSpec, process: Process) -> None:
        self._spec = spec
        self._process = process
        self._label = f"W-template-{spec.model_name}"
        self._reader = FrameReader()
        self._loop = asyncio.get_running_loop()
        self._loaded: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._forks: list[asyncio.Future[tuple[int, asyncio.Future[int]]]] = []
        self._exits: dict[int, asyncio.Future[int]] = {}
        process.link.setblocking(False)
        self._loop.add_reader(process.link, self._read)
        process.exit.add_done_callback(self._end)
        self._output = self._loop.create_task(self._read_output())

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.exit.done()

    async def fork(self) -> Process:
        """Make a worker process that has the model loaded.

        Raises WorkerError when the model cannot be loaded, NotForkableError when it started
        threads, which do not survive a fork.
        """
        await self._wait_loaded()
        ours, theirs = socket.socketpair()
        page = Page.create()
        stdout, stdout_fd = os.pipe()
        stderr, stderr_fd = os.pipe()
        try:
            pid, ended = await self._ask([theirs.fileno(), page.fd, stdout_fd, stderr_fd])
        except BaseException as exc:
            ours.close()
            page.close()
            os.close(stdout)
            os.close(stderr)
            if isinstance(exc, OSError | TimeoutError):
                raise WorkerError(f"{self._label} cannot fork: {exc}") from exc
            raise
        finally:
            theirs.close()
            os.close(stdout_fd)
            os.close(stderr_fd)
            page.close_fd()
        return Process(
            pid, ours, page, os.fdopen(stdout, "rb", 0), os.fdopen(stderr, "rb", 0), ended
        )

    async def _ask(self, fds: list[int]) -> tuple[int, asyncio.Future[int]]:
        """Hand over the descriptors of a new worker, and wait for its pid."""
        socket.send_fds(self._process.link, [wire.encode(wire.FORK)], fds)
        forked: asyncio.Future[tuple[int, asyncio.Future[int]]] = self._loop.create_future()
        self._forks.append(forked)
        return await asyncio.wait_for(forked, _FORK_S)

    def kill(self) -> None:
        """End the process; workers forked from it end with it."""
        self._process.kill()

    async def close(self) -> None:
        """End the process, and wait until its output has been read."""
        self.kill()
        await asyncio.wait((self._output,))

    async def _wait_loaded(self) -> None:
        if not self._loaded.done():
            done, _ = await asyncio.wait((self._loaded,), timeout=self._spec.startup_timeout_s)
            if not done:
                self.kill()
                raise WorkerError(
                    f"Model {self._spec.model_name} did not load within "
                    f"{self._spec.startup_timeout_s:g} s."
                )
        message = self._loaded.result()
        error = load_error(message)
        if error is not None:
            self.kill()
            cls = OutOfResourcesError if error.get("kind") == "memory" else WorkerError
            name = self._spec.model_name
            raise cls(f"Load model failed: {name}, error: {error.get('text')}")
        threads = int(message.get("threads", 1))
        if threads > 1:
            raise NotForkableError(
                f"preload_model: model {self._spec.model_name} started {threads - 1} threads "
                "while loading, which would not survive a fork."
            )

    async def _read_output(self) -> None:
        readers = [
            await OutputReader.open(self._process.stdout, self._label, logging.INFO),
            await OutputReader.open(self._process.stderr, self._label, logging.WARNING),
        ]
        await asyncio.wait((self._process.exit,))
        for reader in readers:
            await reader.close(_CLOSE_S)

    def _read(self) -> None:
        try:
            data = self._process.link.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._process.link)
            return
        for frame in self._reader.feed(data):
            self._on_frame(frame.kind, wire.decode_json(frame.meta))

    def _on_frame(self, kind: int, message: dict[str, Any]) -> None:
        if kind == wire.HELLO:
            load = wire.encode_json(wire.LOAD, self._spec.load_message(None))
            self._process.link.sendall(load)
        elif kind == wire.LOADED and not self._loaded.done():
            self._loaded.set_result(message)
        elif kind == wire.FORKED:
            self._on_forked(self._forks.pop(0), message)
        elif kind == wire.EXITED:
            known = self._exits.pop(message["pid"], None)
            if known is not None and not known.done():
                known.set_result(os.waitstatus_to_exitcode(message["status"]))

    def _on_forked(
        self, forked: asyncio.Future[tuple[int, asyncio.Future[int]]], message: dict[str, Any]
    ) -> None:
        error = message.get("error")
        if error is not None:
            if not forked.done():
                forked.set_exception(OSError(error))
            return
        ended: asyncio.Future[int] = self._loop.create_future()
        self._exits[message["pid"]] = ended
        if not forked.done():  # else nobody holds its link, and it ends by itself
            forked.set_result((message["pid"], ended))

    def _end(self, ended: asyncio.Future[int]) -> None:
        """The template is gone, and with it, by the kernel's hand, its workers."""
        how = describe_exit(ended.result())
        self._loop.remove_reader(self._process.link)
        self._process.link.close()
        self._process.page.close()
        error = WorkerError(f"{self._label} ended ({how}).")
        for forked in self._forks:
            if not forked.done():
                forked.set_exception(error)
        if not self._loaded.done():
            text = f"template process died while loading ({how})"
            self._loaded.set_result({"error": {"kind": "load", "text": text}})
        for pid, known in self._exits.items():
            if not known.done():
                logger.warning("%s ended (%s); its worker %d ends with it", self._label, how, pid)
                known.set_result(-9)
