"""One version of one model, as it is served."""

from __future__ import annotations

import itertools

from mms_server.archive.acquisition import Archive
from mms_server.environments.preparation import Environment
from mms_server.errors import MMSError
from mms_server.metrics.metrics_log import MetricsLog
from mms_server.serving.autoscaler import Autoscaler
from mms_server.serving.dispatcher import Dispatcher
from mms_server.serving.policy import Policy
from mms_server.workers.launcher import Launcher
from mms_server.workers.pool import Outcome, Pool
from mms_server.workers.spec import WorkerSpec


class Model:
    """A model version: its archive, its jobs and its workers. Loop thread only."""

    def __init__(
        self,
        archive: Archive,
        spec: WorkerSpec,
        policy: Policy,
        launcher: Launcher,
        numbers: itertools.count[int],
        metrics: MetricsLog | None = None,
        environment: Environment | None = None,
    ) -> None:
        self.archive = archive
        self.spec = spec
        self.policy = policy
        self.environment = environment
        """What its workers run in when the model brings it; they wait for it."""
        self.is_loaded_at_startup = False
        self.dispatcher = Dispatcher(spec.model_name, policy, self._has_workers, metrics)
        self.pool = Pool(spec, self.dispatcher, launcher, numbers)
        self.autoscaler = Autoscaler(self.dispatcher, self.pool, policy)

    @property
    def name(self) -> str:
        """The name under which clients reach it."""
        return self.spec.model_name

    @property
    def version(self) -> str:
        """What the archive's author calls this version; empty when unsaid."""
        version = self.archive.manifest.model.version
        return "" if version is None else str(version)

    def _has_workers(self) -> bool:
        return self.pool.target.wanted > 0

    async def prepare(self) -> None:
        """Wait for what the model brings of its own to run in. Raises ModelEnvironmentError."""
        if self.environment is not None:
            await self.environment.ready()

    async def scale(self, min_workers: int, max_workers: int, *, wait: bool) -> Outcome | None:
        """Set between which bounds there are to be workers, and perhaps wait for the least.

        Returns None when not waiting. Raises WorkerError when a worker could not be started.
        """
        self.pool.set_target(min_workers, max_workers)
        self.autoscaler.bounds_moved()
        return await self.pool.reach_target() if wait else None

    async def close(self, reason: MMSError, drain_s: float) -> None:
        """End the model: refuse new jobs, fail waiting ones, let what runs finish in `drain_s`."""
        self.autoscaler.close()
        self.dispatcher.close(reason)
        await self.pool.close(drain_s)
        if self.environment is not None:
            await self.environment.close()
        await self.archive.release()
