"""Counts of durations, to three digits, in memory that does not grow with their number.

The log-linear layout of Gil Tene's HdrHistogram (https://hdrhistogram.org): whole microseconds up
to 2,048, from there 1,024 equal steps between each power of two and the next. The package of that
name on PyPI would bring setuptools and pbr into every server, and has no wheel for Linux on ARM.
"""

from __future__ import annotations

import math
from typing import Final

_STEP_BITS: Final = 10
_STEPS: Final = 1 << _STEP_BITS


class Histogram:
    """Durations, in seconds; a quantile is less than 0.1 % above the value that it stands for."""

    __slots__ = ("_counts", "_total_s", "count", "max_s")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._total_s = 0.0
        self.count = 0
        self.max_s = 0.0
        """The largest duration, exactly; 0 if there is none."""

    def add(self, duration_s: float) -> None:
        """Count a duration, one below 0 as 0."""
        index = _index(max(0, math.ceil(duration_s * 1e6)))
        self._counts[index] = self._counts.get(index, 0) + 1
        self.count += 1
        self._total_s += duration_s
        self.max_s = max(self.max_s, duration_s)

    def merge(self, other: Histogram) -> None:
        """Count everything that another one has counted."""
        for index, count in other._counts.items():
            self._counts[index] = self._counts.get(index, 0) + count
        self.count += other.count
        self._total_s += other._total_s
        self.max_s = max(self.max_s, other.max_s)

    @property
    def mean_s(self) -> float:
        """The arithmetic mean, exactly; 0 if nothing was counted."""
        return self._total_s / self.count if self.count else 0.0

    def quantile_s(self, share: float) -> float:
        """Return the least duration that at least this share, 0 to 1, does not exceed.

        By nearest rank; 0 if nothing was counted.
        """
        missing = max(1, math.ceil(share * self.count))
        for index in sorted(self._counts):
            missing -= self._counts[index]
            if missing <= 0:
                return min(_highest(index) / 1e6, self.max_s)
        return self.max_s


def _index(value: int) -> int:
    shift = value.bit_length() - _STEP_BITS - 1
    return value if shift <= 0 else (shift << _STEP_BITS) + (value >> shift)


def _highest(index: int) -> int:
    """Return the largest value that is counted under an index."""
    if index < 2 * _STEPS:
        return index
    shift = (index >> _STEP_BITS) - 1
    return ((index - (shift << _STEP_BITS) + 1) << shift) - 1
