"""The metrics that a handler adds while it handles one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mms.metrics.dimension import Dimension
from mms.metrics.metric import COUNTER, Metric

if TYPE_CHECKING:
    from collections.abc import Hashable

TIME_UNITS = ("ms", "s")
SIZE_UNITS = ("MB", "kB", "GB", "B")


class MetricsStore:
    """Collects metrics; `store` lists them in the order in which they were first added.

    `request_ids` maps the index in the batch to a request's id; anything else stands for the
    batch as a whole. In every method `idx` picks one request of the batch, None means all of it.
    A metric of the same name, unit, request and dimensions is updated, not added. Dimensions for
    the model and the level are appended to the caller's own. Wrong units raise ValueError, and so
    do a counter's dimensions that are not a list; other methods ignore such dimensions, since in
    Multi Model Server they ignore all.
    """

    def __init__(self, request_ids: object, model_name: str) -> None:
        self.store: list[Metric] = []
        self.request_ids = request_ids
        self.model_name = model_name
        self.cache: dict[Hashable, Metric] = {}

    def add_counter(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        dimensions: list[Dimension] | None = None,
    ) -> None:
        """Count: values of the same counter add up."""
        if dimensions is not None and not isinstance(dimensions, list):
            raise ValueError(
                f"Please provide a list of dimensions, not a {type(dimensions).__name__}"
            )
        metric = self._metric(name, value, "count", self._request(idx), dimensions)
        metric.metric_method = COUNTER
        self._add_or_update(metric)

    def add_time(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        unit: str = "ms",
        dimensions: list[Dimension] | None = None,
    ) -> None:
        """Report a duration in `ms` or `s`."""
        _check_unit(unit, TIME_UNITS, "time")
        self.add_metric(name, value, idx, unit, dimensions)

    def add_size(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        unit: str = "MB",
        dimensions: list[Dimension] | None = None,
    ) -> None:
        """Report a size in `MB`, `kB`, `GB` or `B`."""
        _check_unit(unit, SIZE_UNITS, "size")
        self.add_metric(name, value, idx, unit, dimensions)

    def add_percent(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        dimensions: list[Dimension] | None = None,
    ) -> None:
        """Report a percentage, 0 to 100."""
        self.add_metric(name, value, idx, "percent", dimensions)

    def add_error(
        self, name: str, value: float | str, dimensions: list[Dimension] | None = None
    ) -> None:
        """Report an error, usually as text; it has no unit and belongs to no request.

        Only numbers can become metrics on the server: a text is kept in the worker's log.
        """
        self._add_or_update(self._metric(name, value, "", None, dimensions))

    def add_metric(
        self,
        name: str,
        value: float,
        idx: int | None = None,
        unit: str | None = None,
        dimensions: list[Dimension] | None = None,
    ) -> None:
        """Report a value of any unit; no unit is written `unit`."""
        self._add_or_update(self._metric(name, value, unit, self._request(idx), dimensions))

    def _metric(
        self,
        name: str,
        value: float | str,
        unit: str | None,
        request: object,
        dimensions: list[Dimension] | None,
    ) -> Metric:
        # A copy: handlers use their list again.
        own = list(dimensions) if isinstance(dimensions, list) else []
        if request is None:
            own.append(Dimension("Level", "Error"))
        else:
            own += [Dimension("ModelName", self.model_name), Dimension("Level", "Model")]
        return Metric(name, value, unit, own, request)

    def _request(self, idx: int | None) -> object:
        if not isinstance(self.request_ids, dict):
            return self.request_ids
        if idx in self.request_ids:
            return self.request_ids[idx]
        return ",".join(map(str, self.request_ids.values()))

    def _add_or_update(self, metric: Metric) -> None:
        own = tuple(map(str, metric.dimensions))
        key = (metric.name, metric.unit, str(metric.request_id), own)
        if key in self.cache:
            self.cache[key].update(metric.value)
        else:
            self.cache[key] = metric
            self.store.append(metric)


def _check_unit(unit: str, allowed: tuple[str, ...], kind: str) -> None:
    if unit not in allowed:
        raise ValueError(f"the unit of a {kind} metric is one of {list(allowed)}, not {unit!r}")
