"""Every case, by area: one module an area, one file of recorded answers a module."""

from __future__ import annotations

from collections.abc import Sequence

from parity.case import Case
from parity.cases import (
    archiver,
    batches,
    commands,
    configuration,
    contexts,
    cors,
    documents,
    errors,
    framing,
    handlers,
    inputs,
    locations,
    logs,
    metrics,
    models,
    outputs,
    registering,
    returned,
    routes,
    startup,
    workers,
)
from parity.scenario import Scenario

AREAS: dict[str, Sequence[Case]] = {
    "batches": batches.CASES,
    "contexts": contexts.CASES,
    "cors": cors.CASES,
    "documents": documents.CASES,
    "errors": errors.CASES,
    "framing": framing.CASES,
    "handlers": handlers.CASES,
    "inputs": inputs.CASES,
    "locations": locations.CASES,
    "logs": logs.CASES,
    "metrics": metrics.CASES,
    "models": models.CASES,
    "outputs": outputs.CASES,
    "registering": registering.CASES,
    "returned": returned.CASES,
    "routes": routes.CASES,
    "startup": startup.CASES,
    "workers": workers.CASES,
}

SCENARIOS: dict[str, Sequence[Scenario]] = {
    "archiver": archiver.SCENARIOS,
    "commands": commands.SCENARIOS,
    "configuration": configuration.SCENARIOS,
}
