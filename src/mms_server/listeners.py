"""The APIs of one server, each on the listener that its configuration names.

Imported late, while the workers of the models that are there at start load: nothing needs HTTP
before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING

from mms_server.api.access_log import AccessLog
from mms_server.api.application import RoutedApplication
from mms_server.api.cors import Cors, PreflightApplication
from mms_server.api.guard import Guard, is_loopback
from mms_server.api.request_ids import request_ids
from mms_server.api.routes import make_router
from mms_server.config.addresses import Address
from mms_server.config.schema import Settings
from mms_server.http.exchange import Application
from mms_server.http.limits import Limits
from mms_server.http.listener import Listener
from mms_server.http.response import render_head
from mms_server.http.router import Router
from mms_server.logs.installation import Logs
from mms_server.serving.registry import Registry

if TYPE_CHECKING:
    from mms_server.http.tls.contexts import TlsContexts

logger = logging.getLogger("mms_server")


class Listeners:
    """Inference and management, on one address or on two. Loop thread only."""

    def __init__(
        self, settings: Settings, registry: Registry, logs: Logs, tls: TlsContexts | None
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._tls = tls
        self._access_log = _access_log(logs)
        self._ids = request_ids()
        self._listeners: list[Listener] = []

    @property
    def open_connections(self) -> int:
        """How many clients are connected."""
        return sum(listener.open_connections for listener in self._listeners)

    async def bind(self) -> None:
        """Listen on all addresses. Raises ConfigError; those that are bound are to be closed."""
        settings = self._settings
        inference, management = settings.inference_address, settings.management_address
        if inference.shares_listener(management):
            await self._listen(inference, self._router(management, is_inference=True), "Server")
        else:
            await self._listen(inference, self._router(None, is_inference=True), "Inference")
            await self._listen(
                management, self._router(management, is_inference=False), "Management"
            )

    def stop_accepting(self) -> None:
        """Take no new connections; answer what has been asked on each, then close it."""
        for listener in self._listeners:
            listener.stop_accepting()

    async def wait_closed(self, timeout_s: float) -> None:
        """Wait until every connection is closed, so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                for listener in self._listeners:
                    await listener.wait_closed()

    def abort(self) -> None:
        """Cut every connection that is left."""
        for listener in self._listeners:
            listener.abort()

    def _router(self, management: Address | None, *, is_inference: bool) -> Router:
        settings = self._settings
        guard = None if management is None else _guard(settings, management)
        return make_router(
            self._registry, self._ids, settings, is_inference=is_inference, guard=guard
        )

    async def _listen(self, address: Address, router: Router, purpose: str) -> None:
        settings = self._settings
        limits = Limits(
            body_bytes=settings.max_request_size,
            idle_timeout_s=settings.idle_timeout,
            header_timeout_s=settings.header_timeout,
            body_timeout_s=settings.body_timeout,
        )
        application: Application = RoutedApplication(router, self._ids)
        cors = _cors(settings)
        if cors:
            application = PreflightApplication(application, router, self._ids)
        tls = self._tls if address.is_tls else None
        render = cors.render_head if cors else render_head
        listener = Listener(application, limits, tls, render, self._access_log)
        self._listeners.append(listener)
        if address.path is not None:
            await listener.bind_unix(address.path)
        else:
            await listener.bind_tcp(address.host, address.port)
        logger.info("%s API bind to: %s", purpose, listener.address)


def _access_log(logs: Logs) -> AccessLog | None:
    if logs.access is None and logs.mms_metrics is None:
        return None
    return AccessLog(logs.access, logs.mms_metrics, socket.gethostname())


def _guard(settings: Settings, management: Address) -> Guard:
    checks_host = management.path is None and is_loopback(management.host)
    return Guard(frozenset(settings.allowed_hosts), checks_host=checks_host)


def _cors(settings: Settings) -> Cors:
    return Cors(
        settings.cors_allowed_origin, settings.cors_allowed_methods, settings.cors_allowed_headers
    )
