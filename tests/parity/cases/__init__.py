"""Every case, by area: one module an area, one file of recorded answers a module."""

from __future__ import annotations

from collections.abc import Sequence

from parity.case import Case
from parity.cases import (
    archiver,
    commands,
    configuration,
    cors,
    documents,
    errors,
    framing,
    inputs,
    outputs,
    routes,
)
from parity.scenario import Scenario

AREAS: dict[str, Sequence[Case]] = {
    "cors": cors.CASES,
    "documents": documents.CASES,
    "errors": errors.CASES,
    "framing": framing.CASES,
    "inputs": inputs.CASES,
    "outputs": outputs.CASES,
    "routes": routes.CASES,
}

SCENARIOS: dict[str, Sequence[Scenario]] = {
    "archiver": archiver.SCENARIOS,
    "commands": commands.SCENARIOS,
    "configuration": configuration.SCENARIOS,
}
