"""The routers of the three kinds of listener, as the server makes them; nothing can be asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from mms_server.api.guard import Guard
from mms_server.api.request_ids import request_ids
from mms_server.api.routes import make_router
from mms_server.config.schema import Settings
from mms_server.http.router import Router
from mms_server.serving.registry import Registry

LISTENERS = {"inference": (True, False), "management": (False, True), "combined": (True, True)}


def router_of(listener: str) -> Router:
    """Make the router of a listener whose endpoints are only looked up, never called."""
    is_inference, is_management = LISTENERS[listener]
    guard = Guard(frozenset(), checks_host=True) if is_management else None
    nothing = cast(Registry, SimpleNamespace(answering={}))
    return make_router(nothing, request_ids(), Settings(), is_inference=is_inference, guard=guard)
