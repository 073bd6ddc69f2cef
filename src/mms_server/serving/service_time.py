"""How long a batch takes: a worker's time with it, and the time until the next one can begin."""

from __future__ import annotations

from typing import Final

_WEIGHT: Final = 1 / 8
"""Of the newest sample. A step in service time is 93 % known after 20 batches."""

_SPAN_S: Final = 0.005
"""Turns are averaged over this time at least: results of quick batches are read many at once, so
that single turns are a long one and then some of no time at all."""

_TURNS: Final = 32
"""How many of such averages a mean goes back: it predicts a queue's time, not a batch's."""


class ServiceTime:
    """A moving average of the time that one batch keeps a worker busy, in seconds.

    None until the first batch is done.
    """

    __slots__ = ("batch_s",)

    def __init__(self) -> None:
        self.batch_s: float | None = None

    def add(self, busy_s: float) -> None:
        """Take the measurement of one batch."""
        known = self.batch_s
        self.batch_s = busy_s if known is None else known + (busy_s - known) * _WEIGHT


class TurnTime:
    """The mean time from a batch's beginning to that of the next one behind it.

    It includes what lies between two batches - the link, the wait for a processor - so it, and not
    the time within the handler, says how fast a queue moves. That of the newest batches stands in
    where it is longer: a model that gets slower is known at once.
    """

    __slots__ = ("_averages", "_batches", "_mean_s", "_service_time", "_span_s")

    def __init__(self, service_time: ServiceTime) -> None:
        self._service_time = service_time
        self._mean_s = 0.0
        self._averages = 0
        self._batches = 0
        self._span_s = 0.0

    @property
    def batch_s(self) -> float | None:
        """Seconds for each batch; None until the first is done."""
        newest_s = self._service_time.batch_s
        return None if newest_s is None else max(newest_s, self._mean_s)

    def add(self, turn_s: float) -> None:
        """Take the measurement of one batch."""
        self._batches += 1
        self._span_s += turn_s
        if self._span_s < _SPAN_S:
            return
        self._averages = min(self._averages + 1, _TURNS)
        self._mean_s += (self._span_s / self._batches - self._mean_s) / self._averages
        self._batches = 0
        self._span_s = 0.0
