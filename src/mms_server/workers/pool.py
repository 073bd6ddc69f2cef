"""The workers of one model version: as many as its target says.

One task, the reconciler, makes what is equal what should be. Everybody else - the API and the
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
    """How many workers there should be: bounds, and a number between them."""

    min_workers: int = 0
    max_workers: int = 0
    wanted: int = 0


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

    @property
    def load_s(self) -> float:
        """How long the model takes to load, by the slowest of the workers that have loaded it."""
        return max((worker.load_s for worker in self.workers if worker.takes_work), default=0.0)

    def set_target(self, min_workers: int, max_workers: int) -> None:
        """Move the bounds; waiters for earlier ones learn that they were overtaken.

        There are to be as many workers as there are, so far as the bounds allow it. Without effect
        once the pool is being closed.
        """
        if self._is_closing:
            return
        wanted = min(max(self._count_active(), min_workers), max_workers)
        self.target = Target(min_workers, max_workers, wanted)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(Outcome.SUPERSEDED)
        self._waiters.clear()
        self._changed.set()

    def want(self, workers: int) -> None:
        """Choose a number between the bounds; whoever waits for these goes on waiting."""
        if not self._is_closing:
            target = self.target
            target.wanted = min(max(workers, target.min_workers), target.max_workers)
            self._changed.set()

    async def reach_target(self) -> Outcome:
        """Wait until the bounds of the target are kept, or overtaken.

        Raises WorkerError with the reason when a worker that is needed for it failed to start
        first; it is tried again all the same. A caller that stops waiting cancels nothing.
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
        excess = len(active) - self.target.wanted
        if excess > 0:
            # Those that do not work go first, then the youngest.
            active.sort(key=lambda worker: (worker.takes_work, -worker.number))
            for worker in active[:excess]:
                worker.retire()
        new = [
            Worker(next(self._numbers), self.spec, self._owner, self._launcher, self._changed.set)
            for _ in range(self.target.wanted - len(active))
        ]
        self.workers += new
        for worker in self.workers:
            worker.siblings = max(self.target.wanted, 1)
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
        worker.stop()
        self.workers.remove(worker)
        self._changed.set()

    def _count_active(self) -> int:
        return sum(not worker.retired.is_set() for worker in self.workers)

    def _settle_waiters(self) -> None:
        active = self._count_active()
        is_reached = (
            self.ready_workers >= self.target.min_workers
            and active == len(self.workers)
            and active <= self.target.max_workers
        )
        if is_reached:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(Outcome.SCALED)
            self._waiters.clear()

    def _fail_waiters(self, error: WorkerError) -> None:
        """Say that a worker failed, unless the others are as many as are waited for."""
        failed = sum(worker.state is State.FAILED for worker in self.workers)
        if self._count_active() - failed >= self.target.min_workers:
            return
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self._waiters.clear()
