"""The models that are served, by name and version."""

from __future__ import annotations

import asyncio
import itertools
import logging

from mms_server.archive.acquisition import Archive, acquire
from mms_server.archive.policy import redacted
from mms_server.environments.preparation import Environment, Environments
from mms_server.errors import (
    ConflictError,
    InvalidModelError,
    ModelNotFoundError,
    ServiceUnavailableError,
    WorkerError,
)
from mms_server.serving.model import Model
from mms_server.serving.policy import Policy
from mms_server.serving.registration import Defaults, Registration
from mms_server.workers.launcher import Launcher
from mms_server.workers.pool import Outcome
from mms_server.workers.spec import WorkerSpec

logger = logging.getLogger("mms_server.serving")

FIRST_WORKER_NUMBER = 9000
"""Where Multi Model Server begins to number its backends; dashboards show it."""

_ACQUISITIONS = 8
"""Archives that are fetched and unpacked at a time: each is a process, most wait for a network."""


class Registry:
    """Registers, finds and removes models. Loop thread only; nothing here blocks the loop.

    Keyed by name, then version. The management dialect of Multi Model Server knows one version of
    a name, so `find` and `remove` take the name and speak of its only version.
    """

    def __init__(self, defaults: Defaults, launcher: Launcher) -> None:
        self._defaults = defaults
        self._launcher = launcher
        self._models: dict[str, dict[str, Model]] = {}
        self.answering: dict[str, Model] = {}
        """By name, the version that answers who names none; changed here only. See `find`."""
        self._environments = Environments(defaults.environment_policy, defaults.environment)
        self._acquisitions = asyncio.Semaphore(_ACQUISITIONS)
        self._numbers = itertools.count(FIRST_WORKER_NUMBER)

    def models(self) -> list[Model]:
        """List all models, by name."""
        return [model for name in sorted(self._models) for model in self._models[name].values()]

    def find(self, name: str) -> Model:
        """Find a model by name. Raises ModelNotFoundError."""
        model = self.answering.get(name)
        if model is None:
            raise ModelNotFoundError(f"Model not found: {name}")
        return model

    async def register(self, registration: Registration) -> Model:
        """Fetch, unpack and check an archive and take it in, still without workers.

        Raises ModelNotFoundError, DownloadModelError or InvalidModelError for the archive,
        ConflictError when the name is taken, BadRequestError when it asks for an interpreter that
        is not allowed.
        """
        defaults = self._defaults
        async with self._acquisitions:
            archive = await acquire(
                registration.location,
                store=defaults.store,
                workdir=defaults.workdir,
                policy=defaults.fetch_policy,
                limits=defaults.archive_limits,
            )
        try:
            model = self._admit(archive, registration)
        except BaseException:
            await archive.release()
            raise
        logger.info("Model %s registered from %s", model.name, redacted(registration.location))
        return model

    async def register_and_scale(
        self, registration: Registration, workers: int, *, wait: bool
    ) -> tuple[Model, Outcome | None]:
        """Register a model and start its workers; one whose workers fail while waited for goes.

        Without workers it is still waited for what the model brings to run in. Raises what
        `register` raises, and WorkerError, ModelEnvironmentError or OutOfResourcesError.
        """
        model = await self.register(registration)
        try:
            if wait:
                await model.prepare()
            outcome = await model.scale(workers, workers, wait=wait and workers > 0)
        except WorkerError:
            await self._discard(model)
            raise
        return model, outcome

    async def remove(self, name: str, drain_s: float) -> None:
        """End a model; new requests are refused from this moment on.

        Raises ModelNotFoundError.
        """
        model = self.find(name)
        self._forget(model)
        await self._close(model, drain_s)
        logger.info("Model %s unregistered", name)

    async def close(self, drain_s: float) -> None:
        """End all models at once, each within `drain_s`."""
        models = self.models()
        self._models.clear()
        self.answering.clear()
        await asyncio.gather(*(self._close(model, drain_s) for model in models))

    def _admit(self, archive: Archive, registration: Registration) -> Model:
        entry = archive.manifest.model
        name = registration.model_name or entry.model_name or registration.name_hint
        handler = registration.handler or entry.handler or self._defaults.handler
        if not name:
            raise InvalidModelError("Model name is not defined.")
        if not handler:
            raise InvalidModelError("Model handler is not defined.")
        runtime = archive.manifest.runtime_or(registration.runtime)
        if name in self._models:
            raise ConflictError(f"Model {name} is already registered.")
        environment = self._choose_environment(archive, registration, name, runtime)
        spec = self._make_spec(archive, registration, name, handler, runtime, environment)
        model = Model(
            archive,
            spec,
            self._make_policy(registration),
            self._launcher,
            self._numbers,
            self._defaults.metrics,
            environment,
        )
        self._models[name] = {model.version: model}
        self.answering[name] = model
        return model

    def _choose_environment(
        self, archive: Archive, registration: Registration, name: str, runtime: str
    ) -> Environment | None:
        """Choose what the archive asks for; a request that names a runtime overrides its python."""
        entry = archive.manifest.model
        return self._environments.choose(
            name,
            archive.folder,
            python=None if registration.runtime else entry.python,
            runtime=runtime,
            wanted=archive.requirements,
        )

    def _make_spec(
        self,
        archive: Archive,
        registration: Registration,
        name: str,
        handler: str,
        runtime: str,
        interpreter: Environment | None,
    ) -> WorkerSpec:
        defaults = self._defaults
        preload = registration.preload
        startup_timeout_s = registration.startup_timeout_s
        return WorkerSpec(
            model_name=name,
            folder=archive.folder,
            handler=handler,
            manifest=archive.manifest.raw,
            batch_size=registration.batch_size,
            decode_input=defaults.decode_input,
            max_response_bytes=defaults.max_response_bytes,
            preload=defaults.preload if preload is None else preload,
            handler_is_trusted=not (registration.handler or archive.manifest.model.handler),
            runtime=runtime,
            environment=defaults.environment,
            interpreter=interpreter,
            startup_timeout_s=(
                defaults.startup_timeout_s if startup_timeout_s is None else startup_timeout_s
            ),
        )

    def _make_policy(self, registration: Registration) -> Policy:
        defaults = self._defaults

        def chosen(value: float | None, default: float) -> float:
            return default if value is None else value

        return Policy(
            batch_size=registration.batch_size,
            max_batch_delay_s=registration.max_batch_delay_s,
            queue_timeout_s=chosen(registration.queue_timeout_s, defaults.queue_timeout_s),
            response_timeout_s=chosen(registration.response_timeout_s, defaults.response_timeout_s),
            startup_timeout_s=chosen(registration.startup_timeout_s, defaults.startup_timeout_s),
            job_queue_size=defaults.job_queue_size,
            max_queued_bytes=defaults.max_queued_bytes,
            retry_batches=defaults.retry_batches,
            scale_up_after_s=defaults.scale_up_after_s,
            scale_down_after_s=defaults.scale_down_after_s,
        )

    def _forget(self, model: Model) -> None:
        versions = self._models.get(model.name, {})
        if versions.get(model.version) is model:
            del self._models[model.name]
            del self.answering[model.name]

    async def _discard(self, model: Model) -> None:
        self._forget(model)
        await self._close(model, 0.0)

    async def _close(self, model: Model, drain_s: float) -> None:
        reason = ServiceUnavailableError(f"Model {model.name} is being unregistered.")
        await model.close(reason, drain_s)
