"""Every case, by area: one module an area, one file of recorded answers a module."""

from __future__ import annotations

from collections.abc import Sequence

from parity.case import Case
from parity.cases import locations, models, registering, routes, startup, workers

AREAS: dict[str, Sequence[Case]] = {
    "locations": locations.CASES,
    "models": models.CASES,
    "registering": registering.CASES,
    "routes": routes.CASES,
    "startup": startup.CASES,
    "workers": workers.CASES,
}
