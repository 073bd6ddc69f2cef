"""The composition root: builds the server from its configuration, runs it, drains it, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import re
import resource
import secrets
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import mms
from mms import allocation
from mms_server.archive.limits import Limits as ArchiveLimits
from mms_server.archive.location import default_name, list_store
from mms_server.archive.policy import FetchPolicy, redacted
from mms_server.config.loading import Configuration
from mms_server.config.schema import Settings
from mms_server.environments.policy import Policy as EnvironmentPolicy
from mms_server.errors import ConfigError, ConflictError, MMSError
from mms_server.logs.installation import Logs
from mms_server.memory import give_back_surplus
from mms_server.metrics.host import report_host
from mms_server.metrics.metrics_log import MetricsLog
from mms_server.serving.registration import Defaults, Registration
from mms_server.serving.registry import Registry
from mms_server.workers.devices import Devices
from mms_server.workers.guardian import Guardian
from mms_server.workers.launcher import Launcher
from mms_server.workers.runtime import make_runtime_folder, worker_environment
from mms_server.zoo.cache import cache_folder

if TYPE_CHECKING:
    from mms_server.http.tls.contexts import TlsContexts
    from mms_server.listeners import Listeners

logger = logging.getLogger("mms_server")

_STOPPED_EARLY = 128 + signal.SIGTERM
"""Exit status of a server that was told to stop before it had started: it never served."""

Ready = Callable[[], None]
"""Called once, when all ports are bound."""


def run(configuration: Configuration, ready: Ready, logs: Logs) -> int:
    """Run a server until it is told to stop; returns the process's exit status.

    Blocks, and takes over the process: its signals, its limits, its event loop. Raises
    ConfigError when the server cannot start as configured.
    """
    check_runtime()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(_serve(configuration.settings, ready, logs))


def check_runtime() -> None:
    """Make sure that `mms` is this server's worker runtime. Raises ConfigError."""
    if getattr(mms, "DISTRIBUTION", None) != "mms-server":
        raise ConfigError(
            f"The package mms at {mms.__file__} is not this server's: PyPI's multi-model-server "
            "installs one of the same name. Run: pip uninstall multi-model-server, then "
            "pip install --force-reinstall mms-server."
        )


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes event loops: uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def raise_file_limit() -> int:
    """Raise the soft limit on open files to the hard one; returns what it was."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses "unlimited"
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft


async def _serve(settings: Settings, ready: Ready, logs: Logs) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    keeps_memory = allocation.keep_freed_memory()
    server = Server(settings, logs)
    starting = loop.create_task(server.start())

    def order_stop() -> None:
        stop.set()
        starting.cancel()  # it may be fetching a model for minutes; once done, it is done

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, order_stop)
    loop.add_signal_handler(signal.SIGHUP, server.reload)  # also what a closing terminal sends
    try:
        await starting
    except BaseException as exc:
        await server.close(0.0)
        if isinstance(exc, asyncio.CancelledError) and stop.is_set():
            return _STOPPED_EARLY
        raise
    _calm_garbage_collector()
    tending = loop.create_task(give_back_surplus()) if keeps_memory else None
    ready()
    # Only now: before, it would keep clients waiting, and later a scrape the loop.
    importing = loop.create_task(
        asyncio.to_thread(importlib.import_module, "mms_server.metrics.exposition")
    )
    await stop.wait()
    importing.cancel()
    if tending is not None:
        tending.cancel()
    logger.info("Stopping: no new connections; %d open.", server.open_connections)
    await server.close(settings.stop_timeout)
    return 0


def _calm_garbage_collector() -> None:
    """Collect rarely and little at a time: a request and a connection make no reference cycle.

    What lives since the start is not looked at again, not even now: a collection found next to
    nothing, in 7 ms of the start. With Python's own thresholds the p99 of a no-op model at 100
    connections was 5.2 ms, with 20,000 for the first 3.4 ms. The second is low because connections
    are many objects: at 20 it may have 400,000 to look at, and the loop once stood still for 142 ms
    with 10,000 connections; at 2 it has some 60,000.
    """
    gc.freeze()
    gc.set_threshold(20_000, 2, 1_000)


class Server:
    """All rooms of one front end, put together."""

    def __init__(self, settings: Settings, logs: Logs) -> None:
        self._settings = settings
        self._logs = logs
        self._host_metrics: asyncio.Task[None] | None = None
        self._mark = secrets.token_hex(8)
        self._folder = _make_folder()
        self._guardian = Guardian(self._mark, self._folder)
        self._launcher = Launcher(
            make_runtime_folder(self._folder),
            self._guardian,
            raise_file_limit(),
            Devices(settings.number_of_gpu or 0),
        )
        metrics = _metrics_log(logs)
        self._registry = Registry(
            _defaults(settings, self._folder, self._mark, metrics), self._launcher
        )
        self._listeners: Listeners | None = None
        self._tls: TlsContexts | None = None

    @property
    def open_connections(self) -> int:
        """How many clients are connected, on all listeners."""
        return 0 if self._listeners is None else self._listeners.open_connections

    async def start(self) -> None:
        """Register the startup models, let workers load in the background, bind the ports.

        Raises ConfigError.
        """
        settings = self._settings
        inference, management = settings.inference_address, settings.management_address
        if inference.is_tls or management.is_tls:
            self._tls = await asyncio.to_thread(_tls_contexts, settings)
        await self._register_startup_models()
        for model in self._registry.models():
            workers = settings.startup_workers
            await model.scale(workers, workers, wait=False)
        make_listeners = await asyncio.to_thread(_import_listeners)
        self._listeners = make_listeners(settings, self._registry, self._logs, self._tls)
        await self._listeners.bind()
        self._measure_host()

    def reload(self) -> None:
        """Read certificates again, in the background; open connections are left alone."""
        if self._tls is not None:
            self._tls.reload_soon()

    def _measure_host(self) -> None:
        write, interval_s = self._logs.mms_metrics, self._settings.metric_time_interval
        if write is not None and interval_s:
            self._host_metrics = asyncio.create_task(report_host(write, interval_s))

    async def close(self, drain_s: float) -> None:
        """Accept nothing more, finish what was accepted within `drain_s`, end every process."""
        if self._host_metrics is not None:
            self._host_metrics.cancel()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + drain_s
        if self._listeners is not None:
            self._listeners.stop_accepting()
            await self._listeners.wait_closed(drain_s)
        await self._registry.close(max(0.0, deadline - loop.time()))
        if self._listeners is not None:
            self._listeners.abort()
        self._launcher.close()
        self._guardian.close()
        logger.info("Model server stopped.")

    async def _register_startup_models(self) -> None:
        """Take in the models named at start; one that cannot be is a warning, not the end."""
        for name, location in _startup_models(self._settings):
            registration = Registration(location, model_name=name, name_hint=default_name(location))
            try:
                model = await self._registry.register(registration)
            except ConflictError as exc:
                raise ConfigError(str(exc)) from exc
            except MMSError as exc:
                logger.warning("Failed to load model: %s (%s)", redacted(location), exc)
            else:
                model.is_loaded_at_startup = True


def _make_folder() -> Path:
    """Make this server's private temporary folder; the guardian removes it."""
    parent = os.environ.get("TEMP") or None
    return Path(tempfile.mkdtemp(prefix="mms-", dir=parent))


def _metrics_log(logs: Logs) -> MetricsLog | None:
    if logs.mms_metrics is None and logs.model_metrics is None:
        return None
    return MetricsLog(logs.mms_metrics, logs.model_metrics, socket.gethostname())


def _import_listeners() -> type[Listeners]:
    """Import HTTP and the dialects, which workers that load at the same time do not wait for."""
    from mms_server.listeners import Listeners

    return Listeners


def _tls_contexts(settings: Settings) -> TlsContexts:
    """Read or make the certificates. Blocks on files. Raises ConfigError."""
    # Late: a server without https has no use for `cryptography`.
    from mms_server.http.tls.contexts import TlsContexts
    from mms_server.http.tls.identities import KeyFiles

    files = KeyFiles(
        settings.keystore,
        settings.keystore_pass,
        settings.certificate_file,
        settings.private_key_file,
    )
    addresses = settings.inference_address, settings.management_address
    return TlsContexts(files, [address.host for address in addresses if address.is_tls])


def _startup_models(settings: Settings) -> Iterator[tuple[str | None, str]]:
    """List `load_models` as (name or None, location); `ALL` stands for everything in the store."""
    text = settings.load_models or ""
    if text.strip().upper() == "ALL":
        if settings.model_store is not None:
            yield from ((None, location) for location in list_store(settings.model_store))
        return
    for item in text.split(","):
        name, equals, location = item.strip().partition("=")
        if not equals or re.match(r"https?://", item.strip(), re.IGNORECASE):
            name, location = "", item.strip()
        if location:
            yield name or None, location


def _defaults(settings: Settings, folder: Path, mark: str, metrics: MetricsLog | None) -> Defaults:
    return Defaults(
        store=settings.model_store,
        workdir=folder / "models",
        fetch_policy=FetchPolicy(
            allowed_urls=settings.allowed_urls, total_timeout_s=settings.download_timeout
        ),
        archive_limits=archive_limits(settings),
        environment_policy=environment_policy(settings),
        handler=settings.default_service_handler,
        decode_input=settings.decode_input_request,
        preload=settings.preload_model,
        max_response_bytes=settings.max_response_size,
        response_timeout_s=settings.response_timeout_s,
        startup_timeout_s=settings.default_startup_timeout,
        queue_timeout_s=settings.queue_timeout,
        job_queue_size=settings.job_queue_size,
        max_queued_bytes=settings.max_queued_bytes,
        retry_batches=settings.retry_batches,
        scale_up_after_s=settings.scale_up_after,
        scale_down_after_s=settings.scale_down_after,
        environment=environment_of_workers(settings, mark),
        metrics=metrics,
    )


def archive_limits(settings: Settings) -> ArchiveLimits:
    """Say what an archive may unpack to."""
    return ArchiveLimits(
        entries=settings.max_archive_entries,
        archive_bytes=settings.max_archive_bytes,
        unpacked_bytes=settings.max_archive_bytes,
        ratio=settings.max_archive_ratio,
    )


def environment_of_workers(settings: Settings, mark: str) -> dict[str, str]:
    """Build the variables that workers, and what is made for them, get."""
    return worker_environment(
        os.environ,
        settings.blacklist_env_vars,
        mark,
        decode_input=settings.decode_input_request,
    )


def environment_policy(settings: Settings) -> EnvironmentPolicy:
    """Say what models may bring to run in."""
    return EnvironmentPolicy(
        root=settings.model_environments_folder or cache_folder() / "environments",
        allow_requirements=settings.allow_model_environments,
        pythons=settings.model_pythons,
        installer=settings.model_installer,
        arguments=settings.installer_arguments,
        timeout_s=settings.install_timeout,
        max_bytes=settings.max_environments_bytes,
    )
