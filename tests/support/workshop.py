"""Real worker processes for tests: a launcher, a guardian and pools, in the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

from mms import wire
from mms_server.errors import MMSError
from mms_server.metrics.metrics_log import MetricsLog
from mms_server.serving.dispatcher import Dispatcher
from mms_server.serving.policy import Policy
from mms_server.workers.devices import Devices
from mms_server.workers.guardian import Guardian
from mms_server.workers.guardian_main import find_marked
from mms_server.workers.launcher import Launcher
from mms_server.workers.pool import Pool
from mms_server.workers.runtime import MARK, make_runtime_folder, worker_environment
from mms_server.workers.spec import WorkerSpec
from mms_server.workers.worker import State, Worker
from support.jobs import make_job
from support.sinks import Answer

DEADLINE_S = 30.0
FILE_LIMIT = 777
T = TypeVar("T")


async def until(probe: Callable[[], T], what: str) -> T:
    """Let the loop run until `probe` returns something true; fail with what was waited for."""
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE_S
    while not (seen := probe()):
        assert loop.time() < end, f"waited {DEADLINE_S:g} s in vain: {what}"
        await asyncio.sleep(0.005)
    return seen


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has reaped yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


class FutureSink:
    """Turns what a job is told into a future's result."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def answer(self, status: int, phrase: bytes, fields: bytes, body: list[wire.Buffer]) -> None:
        if not self.future.cancelled():
            self.future.set_result(Answer(status, phrase, fields, body))

    def fail(self, error: MMSError) -> None:
        if self.future.cancelled():
            return
        self.future.set_exception(error)
        self.future.exception()  # who asked may have stopped waiting


class Served:
    """One model: its jobs and its worker processes."""

    def __init__(
        self,
        spec: WorkerSpec,
        policy: Policy,
        launcher: Launcher,
        metrics: MetricsLog | None = None,
    ) -> None:
        self.spec = spec
        self.dispatcher = Dispatcher(
            spec.model_name, policy, lambda: self.pool.target.wanted > 0, metrics
        )
        self.pool = Pool(spec, self.dispatcher, launcher, itertools.count(9000))

    async def scale(self, workers: int) -> object:
        """Set the number of workers and wait for it; returns the outcome."""
        self.pool.set_target(workers, workers)
        async with asyncio.timeout(DEADLINE_S):
            return await self.pool.reach_target()

    def submit(self, body: bytes = b"x", timeout_s: float | None = None) -> asyncio.Future[Answer]:
        """Send one request; the future has its answer, or why there is none."""
        sink = FutureSink()
        self.dispatcher.submit(make_job(b"id", [body], sink), timeout_s)
        return sink.future

    async def predict(self, body: bytes = b"x") -> bytes:
        """Send one request and wait for the body of its answer."""
        async with asyncio.timeout(DEADLINE_S):
            return b"".join((await self.submit(body)).body)

    @property
    def worker(self) -> Worker:
        return self.pool.workers[0]

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self.pool.workers if worker.pid is not None]

    @property
    def states(self) -> list[State]:
        return [worker.state for worker in self.pool.workers]

    async def close(self, drain_s: float = 0.0) -> None:
        self.dispatcher.close(MMSError("closed"))
        async with asyncio.timeout(DEADLINE_S):
            await self.pool.close(drain_s)


class Workshop:
    """What a front end has for its workers; close it, and nothing is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = secrets.token_hex(8)
        self.temporary = Path(tempfile.mkdtemp(dir=folder))
        self.guardian = Guardian(self.mark, self.temporary)
        self.launcher = Launcher(
            make_runtime_folder(self.temporary), self.guardian, FILE_LIMIT, Devices(0)
        )
        self._served: list[Served] = []
        self._numbers = itertools.count()

    def serve(
        self,
        code: str,
        policy: Policy | None = None,
        metrics: MetricsLog | None = None,
        **options: Any,
    ) -> Served:
        """Make a model of that code, without workers."""
        name = f"m{next(self._numbers)}"
        folder = self.folder / name
        folder.mkdir()
        (folder / "service.py").write_text(code)
        spec = WorkerSpec(
            model_name=name,
            folder=folder,
            handler="service:handle",
            manifest=None,
            environment=worker_environment(os.environ, None, self.mark, decode_input=True),
            **{"startup_timeout_s": DEADLINE_S, **options},
        )
        self._served.append(Served(spec, policy or Policy(), self.launcher, metrics))
        return self._served[-1]

    @property
    def processes(self) -> list[int]:
        """The pids of all that was started for workers, and by them."""
        return [pid for pid in find_marked(f"{MARK}={self.mark}".encode()) if is_alive(pid)]

    async def close(self) -> None:
        for served in self._served:
            await served.close()
        self.launcher.close()
        self.guardian.close()
        assert self.processes == []
        assert not self.temporary.exists()


@contextlib.asynccontextmanager
async def open_workshop(folder: Path) -> AsyncIterator[Workshop]:
    """Open a workshop and close it."""
    workshop = Workshop(folder)
    try:
        yield workshop
    finally:
        await workshop.close()
