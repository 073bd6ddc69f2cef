"""Every case, by area: one module an area, one file of recorded answers a module."""

from __future__ import annotations

from collections.abc import Sequence

from parity.case import Case
from parity.cases import batches, contexts, handlers, logs, metrics, returned, routes

AREAS: dict[str, Sequence[Case]] = {
    "routes": routes.CASES,
    "handlers": handlers.CASES,
    "contexts": contexts.CASES,
    "returned": returned.CASES,
    "batches": batches.CASES,
    "logs": logs.CASES,
    "metrics": metrics.CASES,
}
