"""One measured value and the line of text that reports it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

from mms.metrics.unit import Units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mms.metrics.dimension import Dimension

LINE_PREFIX = "[METRICS]"
"""Marks a metric among the lines that a worker prints."""

COUNTER = "counter"
"""The method of a metric whose updates add up; any other metric keeps its last value."""


_LONG_UNITS = Units().units


class Metric:
    """A value with its name, unit, dimensions and request.

    A short unit (`ms`) is replaced by its long name, one unknown to `Units` is kept. `request_id`
    is a request's id, or those of a whole batch joined by commas.

    `str()` gives `Name.Unit:Value|#Dimensions|#hostname:H,T[,R]`, T in seconds since the epoch at
    the time of the call: the line of Multi Model Server, after `LINE_PREFIX`.
    """

    def __init__(  # the signature of MMS, which handlers call
        self,
        name: str,
        value: float | str,
        unit: str | None,
        dimensions: Sequence[Dimension],
        request_id: object = None,
        metric_method: str | None = None,
    ) -> None:
        self.name = name
        self.value = value
        self.unit = _LONG_UNITS.get(unit, unit)
        self.dimensions = dimensions
        self.request_id = request_id
        self.metric_method = metric_method

    def update(self, value: float | str) -> None:
        """Add to a counter; replace the value of any other metric."""
        if self.metric_method == COUNTER:
            self.value += value  # type: ignore[operator]  # text is only ever the value of errors
        else:
            self.value = value

    def __str__(self) -> str:
        dimensions = ",".join(map(str, self.dimensions))
        request = f",{self.request_id}" if self.request_id else ""
        return (
            f"{self.name}.{self.unit}:{self.value}|#{dimensions}"
            f"|#hostname:{socket.gethostname()},{int(time.time())}{request}"
        )

    def to_dict(self) -> dict[str, object]:
        """Return the metric as `MetricEncoder` has it; dimensions stay objects."""
        return {
            "MetricName": self.name,
            "Value": self.value,
            "Unit": self.unit,
            "Dimensions": self.dimensions,
            "Timestamp": int(time.time()),
            "HostName": socket.gethostname(),
            "RequestId": self.request_id,
        }
