"""The workers of one model version: as many as its target says.

One task, the reconciler, makes what is equal what should be. Everybody else - the API, later an
autoscaler - only moves the target.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from dataclasses import dataclass
from enum import Enum, auto

from mms_server.errors import WorkerError
from mms_server.workers.backoff import Backoff
from mms_server.workers.launcher import Launcher
from mms_server.workers.spec import WorkerSpec
from mms_server.workers.worker import Owner, State, Worker

logger = logging.getLogger("mms_server.workers")


class Outcome(Enum):
    """How a scaling ended for the one who asked."""

    SCALED = auto()
    SUPERSEDED = auto()
    """A later request moved the target before it was reached."""


@dataclass(slots=True)
class Target:
    """How many workers there should be."""

    min_workers: int = 0
    max_workers: int = 0


class Pool:
    """Keeps workers running for one model version. Loop thread only.

    A worker that dies or cannot load is started again after a wait that grows; the others go on.
    """

    def __init__(
        self, spec: WorkerSpec, owner: Owner, launcher: Launcher, numbers: itertools.count[int]
    ) -> None:
        self.spec = spec
        self.target = Target()
        self.workers: list[Worker] = []
        self.restarts = 0
        self._owner = owner
        self._launcher = launcher
        self._numbers = numbers
        self._changed = asyncio.Event()
        self._is_closing = False
        self._waiters: list[asyncio.Future[Outcome]] = []
        self._reconciler = asyncio.get_running_loop().create_task(
            self._reconcile(), name=f"reconcile {spec.model_name}"
        )

    @property
    def ready_workers(self) -> int:
        """How many workers take batches."""
        return sum(worker.takes_work for worker in self.workers)

    def set_target(self, min_workers: int, max_workers: int) -> None:
        """Move the target; waiters for an earlier one learn that they were overtaken.

        Without effect once the pool is being closed.
        """
        if self._is_closing:
            return
        self.target = Target(min_workers, max_workers)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(Outcome.SUPERSEDED)
        self._waiters.clear()
        self._changed.set()

    async def reach_target(self) -> Outcome:
        """Wait until the target is reached or overtaken.

        Raises WorkerError with the reason when a worker failed to start first; it is tried again
        all the same. A caller that stops waiting cancels nothing.
        """
        if self._is_closing:
            return Outcome.SUPERSEDED
        waiter: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._changed.set()
        return await waiter

    async def close(self, drain_s: float) -> None:
        """End all workers: those at work may finish within `drain_s`, then they are killed."""
        self.set_target(0, 0)
        self._is_closing = True
        self._changed.set()
        done, _ = await asyncio.wait((self._reconciler,), timeout=drain_s)
        if not done:
            for worker in self.workers:
                logger.warning("%s did not finish within %g s: killed", worker.label, drain_s)
                worker.kill()
        await self._reconciler
        await self._launcher.forget(self.spec)

    async def _reconcile(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while not (self._is_closing and not self.workers):
                await self._changed.wait()
                self._changed.clear()
                for worker in self._adjust():
                    tasks.create_task(self._tend(worker), name=worker.label)
                self._settle_waiters()

    def _adjust(self) -> list[Worker]:
        """Retire what is too many, and return new workers for what is too few."""
        active = [worker for worker in self.workers if not worker.retired.is_set()]
        excess = len(active) - self.target.max_workers
        if excess > 0:
            # Those that do not work go first, then the youngest.
            active.sort(key=lambda worker: (worker.takes_work, -worker.number))
            for worker in active[:excess]:
                worker.retire()
        new = [
            Worker(next(self._numbers), self.spec, self._owner, self._launcher, self._changed.set)
            for _ in range(self.target.min_workers - len(active))
        ]
        self.workers += new
        for worker in self.workers:
            worker.siblings = max(self.target.min_workers, 1)
        return new

    async def _tend(self, worker: Worker) -> None:
        """Keep one worker's place filled until it is retired."""
        backoff = Backoff()
        while not worker.retired.is_set():
            try:
                await worker.live()
            except WorkerError as exc:
                if worker.retired.is_set():
                    break  # it was ended on purpose
                worker.last_error = exc
                logger.error("%s %s", worker.label, exc)
                self._fail_waiters(exc)
            except Exception as exc:
                # A defect of ours in one worker's life must not end the others'.
                logger.exception("%s failed unexpectedly", worker.label)
                self._fail_waiters(WorkerError(f"Worker could not be run: {exc!r}"))
            if worker.retired.is_set():
                break
            ready_s = time.monotonic() - worker.ready_since if worker.ready_since else 0.0
            wait_s = backoff.wait_s(ready_s)
            self.restarts += 1
            logger.info("Retry worker: %s in %d seconds.", worker.label, wait_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(worker.retired.wait(), wait_s)
        worker.state = State.STOPPED
        self.workers.remove(worker)
        self._changed.set()

    def _settle_waiters(self) -> None:
        active = sum(not worker.retired.is_set() for worker in self.workers)
        is_reached = (
            self.ready_workers >= self.target.min_workers
            and active == len(self.workers)
            and active <= max(self.target.max_workers, self.target.min_workers)
        )
        if is_reached:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(Outcome.SCALED)
            self._waiters.clear()

    def _fail_waiters(self, error: WorkerError) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self._waiters.clear()
