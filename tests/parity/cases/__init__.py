"""Every case, by area: one module an area, one file of recorded answers a module."""

from __future__ import annotations

from collections.abc import Sequence

from parity.case import Case
from parity.cases import documents, errors, framing, inputs, outputs, routes

AREAS: dict[str, Sequence[Case]] = {
    "documents": documents.CASES,
    "errors": errors.CASES,
    "framing": framing.CASES,
    "inputs": inputs.CASES,
    "outputs": outputs.CASES,
    "routes": routes.CASES,
}
