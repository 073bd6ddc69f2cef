"""One worker through its life: started, loading, ready, ended; and again.

starting --HELLO--> loading --LOADED--> ready <--> busy --retire--> draining --> stopped
    |                  |                  |
    +------------------+---- death -------+--> failed --back-off--> starting
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Protocol

from mms import wire
from mms_server.errors import OutOfResourcesError, WorkerError
from mms_server.workers.frame_reader import FrameReader
from mms_server.workers.launcher import Launcher
from mms_server.workers.link import Link, load_error
from mms_server.workers.output import OutputReader
from mms_server.workers.process import Process, describe_exit
from mms_server.workers.spec import WorkerSpec

logger = logging.getLogger("mms_server.workers")

_EXIT_S = 2.0
"""From the end of a worker's link to that of its process: for what the model does at its exit."""
_SHORT_NAME = 25
_CLOSE_S = 1.0
"""After a worker's death, for its link and pipes to end: a process that it left behind may hold
them, though its group has been killed."""


class State(StrEnum):
    """Where a worker is in its life; shown when a model is described."""

    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    BUSY = "busy"
    DRAINING = "draining"
    FAILED = "failed"
    STOPPED = "stopped"


class Owner(Protocol):
    """Who gives work to workers. Called on the loop's thread."""

    def worker_ready(self, worker: Worker) -> None:
        """The worker takes batches now."""

    def worker_result(self, worker: Worker, frame: wire.Frame) -> None:
        """The worker sent a RESULT."""

    def worker_metrics(self, worker: Worker, text: str) -> None:
        """The handler added metrics, one a line."""

    def worker_gone(self, worker: Worker, begun: int) -> None:
        """The worker takes no more; `begun` is the last batch that it has begun.

        Everything that it had sent has been handed over; `Worker.read_unsent` has the rest.
        """


class Worker:
    """One place for a worker process; it outlives the processes that fill it."""

    def __init__(
        self,
        number: int,
        spec: WorkerSpec,
        owner: Owner,
        launcher: Launcher,
        on_change: Callable[[], object],
    ) -> None:
        self.number = number
        self.spec = spec
        self.last_error: WorkerError | None = None
        self.last_traceback = ""
        self.restarts = -1
        self.started_at = datetime.now(UTC)
        self.ready_since = 0.0
        self.load_s = 0.0
        """How long the model of the last process took to load."""
        self.gpu_id = launcher.devices.next_gpu()
        self.siblings = 1
        """How many workers share the model's cores, with this one; said to the next process."""
        self._state = State.STARTING
        self._owner = owner
        self._launcher = launcher
        self._on_change = on_change
        self._process: Process | None = None
        self._link: Link | None = None
        self._loaded: asyncio.Future[None] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._outputs: list[OutputReader] = []
        self.retired = asyncio.Event()

    @property
    def id(self) -> str:
        """The worker's id as clients see it: its number and its incarnation."""
        return f"{self.number}-{max(self.restarts, 0)}"

    @property
    def label(self) -> str:
        """The worker's name in logs."""
        return f"W-{self.number}-{self.spec.model_name}"

    @property
    def short_label(self) -> str:
        """The worker's name in metrics, cut as Multi Model Server cuts it."""
        return f"W-{self.number}-{self.spec.model_name[:_SHORT_NAME]}"

    @property
    def pid(self) -> int | None:
        """The process that fills this place now."""
        return self._process.pid if self._process is not None else None

    @property
    def state(self) -> State:
        """Where it is in its life; busy is what is ready and has a batch."""
        if self._state is State.READY and self._link is not None and self._link.outstanding_batches:
            return State.BUSY
        return self._state

    @property
    def link(self) -> Link:
        """The connection to its process, which must have been started."""
        assert self._link is not None
        return self._link

    @property
    def takes_work(self) -> bool:
        """Whether batches may be sent: ready or busy, and not about to end."""
        return self._link is not None and self._link.takes_work

    def withdraw(self, number: int) -> int:
        """Have the worker not run the batches up to a number: it answers them as expired.

        Returns the number of the last batch that it has begun all the same.
        """
        assert self._process is not None
        return self._process.page.withdraw(number)

    def read_unsent(self) -> list[wire.Frame]:
        """Read the answers that its process has not sent yet, out of the memory shared with it.

        Raises WireError. Unless the process has ended it sends them, too, with the next one.
        """
        assert self._process is not None
        return FrameReader().feed(self._process.page.read_unsent())

    async def live(self) -> None:
        """Run one process from start to end.

        Returns when a process that had become ready ended; raises WorkerError when it never did.
        """
        self.restarts += 1
        self.ready_since = 0.0
        try:
            self._starting = asyncio.get_running_loop().create_task(self._start_up())
            try:
                await self._starting
            except asyncio.CancelledError:
                if self._starting.cancelled() and self.retired.is_set():
                    return
                raise
            self._become_ready()
            await self._wait_end()
        finally:
            await self._clean_up()

    def retire(self) -> None:
        """Take no more work, finish what was sent, end for good."""
        if self.retired.is_set():
            return
        self.retired.set()
        if self.takes_work and self._link is not None:
            self._set_state(State.DRAINING)
            self._link.send(wire.encode(wire.DRAIN))
        elif self._process is None and self._starting is not None:
            self._starting.cancel()  # it waits for its turn, or for a template
        else:
            self.kill()

    def kill(self) -> None:
        """End the process at once; what it was executing is lost."""
        if self._link is not None:
            self._link.takes_work = False
        if self._process is not None:
            self._process.kill()

    async def _start_up(self) -> None:
        if self.spec.interpreter is not None:
            await self.spec.interpreter.ready()  # before it takes the turn of one that could load
        async with self._launcher.load_slots:
            await self._start()
            await self._wait_loaded()

    async def _start(self) -> None:
        self._set_state(State.STARTING)
        self.started_at = datetime.now(UTC)
        self._loaded = asyncio.get_running_loop().create_future()
        self._process = process = await self._launcher.launch(self.spec)
        self._outputs = [
            await OutputReader.open(process.stdout, self.label, logging.INFO, self._take_metrics),
            await OutputReader.open(
                process.stderr, self.label, logging.WARNING, self._take_metrics
            ),
        ]
        results = partial(self._owner.worker_result, self)
        self._link = Link(process.link, results, self._on_frame)
        await self._link.connect()

    async def _wait_loaded(self) -> None:
        assert self._process is not None
        assert self._loaded is not None
        timeout_s = self.spec.startup_timeout_s
        await asyncio.wait(
            (self._loaded, self._process.exit),
            timeout=timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self._loaded.done():
            self._loaded.result()
        elif self._process.exit.done():
            raise await self._death_while_loading(self._process.exit.result())
        else:
            raise WorkerError(
                f"Model {self.spec.model_name} did not load within {timeout_s:g} s. Raise "
                "startup_timeout (or default_startup_timeout) if it needs longer."
            )

    async def _death_while_loading(self, status: int) -> WorkerError:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._outputs[1].ended), _CLOSE_S)
        said = "; ".join(list(self._outputs[1].tail)[-3:]) or "it printed nothing on stderr"
        text = f"Worker died while loading ({describe_exit(status)}): {said}"
        # 137 and SIGKILL are what an out-of-memory killer leaves behind.
        return OutOfResourcesError(text) if status in (-9, 137) else WorkerError(text)

    def _become_ready(self) -> None:
        self.ready_since = time.monotonic()
        self._set_state(State.READY)
        if self.retired.is_set():
            self.kill()
        else:
            self._owner.worker_ready(self)

    async def _wait_end(self) -> None:
        """Wait for the process to end; one whose link has ended is of no use any more."""
        process, link = self._process, self._link
        assert process is not None
        assert link is not None
        await asyncio.wait((process.exit, link.closed), return_when=asyncio.FIRST_COMPLETED)
        link.takes_work = False
        await asyncio.wait((process.exit,), timeout=_EXIT_S)
        process.kill()
        self._note_end(await process.exit)

    def _note_end(self, status: int) -> None:
        if not self.retired.is_set():
            logger.error("%s Backend worker process died (%s).", self.label, describe_exit(status))
            self.last_error = WorkerError(f"Worker died ({describe_exit(status)}).")
            self.last_traceback = ""  # what it said last is read while it is cleaned up

    async def _clean_up(self) -> None:
        """End all that is left of the process, then hand back what it had not begun."""
        process, link = self._process, self._link
        if process is not None:
            process.kill()
            await asyncio.wait((process.exit,))
            if link is not None:
                await asyncio.wait((link.closed,), timeout=_CLOSE_S)
                link.close()
            self._owner.worker_gone(self, process.page.begun)
            process.page.close()
            await asyncio.gather(*(output.close(_CLOSE_S) for output in self._outputs))
            if self.ready_since and not self.retired.is_set():
                self.last_traceback = "\n".join(self._outputs[1].tail)
        self._process = self._link = None
        self._set_state(State.STOPPED if self.retired.is_set() else State.FAILED)

    def _on_frame(self, frame: wire.Frame) -> None:
        if frame.kind == wire.METRICS:
            self._take_metrics(frame.meta.decode("utf-8", "replace"))
        elif frame.kind == wire.HELLO:
            self._on_hello(wire.decode_json(frame.meta))
        elif frame.kind == wire.LOADED:
            self._on_loaded(wire.decode_json(frame.meta))

    def _take_metrics(self, text: str) -> None:
        self._owner.worker_metrics(self, text)

    def _on_hello(self, message: dict[str, object]) -> None:
        logger.info(
            "%s MMS worker started. [PID] %s, Python runtime: %s",
            self.label,
            message.get("pid"),
            message.get("python"),
        )
        self._set_state(State.LOADING)
        assert self._link is not None
        self.load_s = -time.monotonic()
        load = self.spec.load_message(self.gpu_id, self.siblings)
        self._link.send(wire.encode_json(wire.LOAD, load))

    def _on_loaded(self, message: dict[str, object]) -> None:
        assert self._loaded is not None
        error = load_error(message)
        if self._loaded.done():
            return
        if error is None:
            self.load_s += time.monotonic()
            self._loaded.set_result(None)
            return
        self.last_traceback = str(error.get("traceback", ""))
        text = f"Load model failed: {self.spec.model_name}, error: {error.get('text')}"
        cls = OutOfResourcesError if error.get("kind") == "memory" else WorkerError
        self._loaded.set_exception(cls(text))

    def _set_state(self, state: State) -> None:
        if state is not self._state:
            logger.info("%s State change %s -> %s", self.label, self.state, state)
            self._state = state
            if self._link is not None:
                self._link.takes_work = state is State.READY
            self._on_change()

    def stop(self) -> None:
        """Note that nobody fills this place any more."""
        self._state = State.STOPPED
