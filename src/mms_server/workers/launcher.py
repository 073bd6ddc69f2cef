"""Starts worker processes: by exec, or by a fork of a template that has the model loaded."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from mms_server.errors import WorkerError
from mms_server.workers.devices import Devices
from mms_server.workers.guardian import Guardian
from mms_server.workers.process import Process, spawn
from mms_server.workers.spec import WorkerSpec
from mms_server.workers.template import NotForkableError, Template

logger = logging.getLogger("mms_server.workers")


class Launcher:
    """Starts processes for all models of this front end. Loop thread only.

    `load_slots` bounds how many models load at a time, one a core: more only slow each other and
    what is being served. Every process holds the read end of one pipe whose write end is this
    process's alone: when the front end ends, however it ends, they see it. Workers get back
    `file_limit`, the limit on open files from before the front end raised its own. `devices` deals
    a GPU to each.
    """

    def __init__(
        self, runtime: Path, guardian: Guardian, file_limit: int, devices: Devices
    ) -> None:
        self.load_slots = asyncio.Semaphore(os.cpu_count() or 1)
        self.devices = devices
        self._runtime = runtime
        self._guardian = guardian
        self._file_limit = file_limit
        self._lifetime_fd, self._life_fd = os.pipe()
        self._templates: dict[WorkerSpec, Template] = {}
        self._not_forkable: set[WorkerSpec] = set()

    async def launch(self, spec: WorkerSpec) -> Process:
        """Start a process for the spec. Raises WorkerError."""
        try:
            may_fork = spec.preload and spec not in self._not_forkable
            return self._guard(await self._fork(spec) if may_fork else self._spawn(spec))
        except OSError as exc:
            raise WorkerError(
                f"Worker for model {spec.model_name} cannot be started with {spec.python}: {exc}"
            ) from exc

    async def _fork(self, spec: WorkerSpec) -> Process:
        template = self._templates.get(spec)
        if template is None or template.has_ended:
            process = self._guard(self._spawn(spec, is_template=True))
            template = self._templates[spec] = Template(spec, process)
        try:
            return await template.fork()
        except NotForkableError as exc:
            if spec not in self._not_forkable:
                logger.warning("%s Its workers are started one by one.", exc)
                self._not_forkable.add(spec)
                template.kill()
            return self._spawn(spec)

    def _spawn(self, spec: WorkerSpec, *, is_template: bool = False) -> Process:
        return spawn(spec, self._runtime, self._lifetime_fd, self._file_limit, template=is_template)

    def _guard(self, process: Process) -> Process:
        self._guardian.add(process.pid)
        process.exit.add_done_callback(lambda _: self._guardian.remove(process.pid))
        return process

    async def forget(self, spec: WorkerSpec) -> None:
        """End the template of a model that is gone, if it has one."""
        self._not_forkable.discard(spec)
        template = self._templates.pop(spec, None)
        if template is not None:
            await template.close()

    def close(self) -> None:
        """Let go of the lifetime pipe: whatever still runs ends now."""
        os.close(self._life_fd)
        os.close(self._lifetime_fd)
