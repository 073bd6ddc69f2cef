"""What is shown of models to whoever scrapes metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""That of Prometheus's text format, https://prometheus.io/docs/instrumenting/exposition_formats/."""


@dataclass(frozen=True, slots=True)
class ModelSnapshot:
    """One model's numbers at one moment.

    `values` has every counter and gauge that `mms_server.metrics.exposition` names; `workers` the
    number of workers by state, `scalings` how often that was raised and lowered for the load, by
    direction.
    """

    name: str
    version: str
    values: Mapping[str, float]
    workers: Mapping[str, int]
    restarts: int
    scalings: Mapping[str, int]
