"""When requests are to start. Pure: seconds from the start of the load, and nothing waits here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import NamedTuple

from mms_server.errors import BadRequestError


class Arrivals(StrEnum):
    """How requests are spread over time."""

    POISSON = "poisson"
    """Independent of each other, as those of many users are."""
    CONSTANT = "constant"
    """One after another at equal distances."""


@dataclass(slots=True, frozen=True)
class Phase:
    """A stretch of time at one rate, on average; a rate of 0 is a pause. Raises BadRequestError."""

    rate_per_s: float
    duration_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate_per_s) and self.rate_per_s >= 0):
            raise BadRequestError(f"{self.rate_per_s:g} requests a second cannot be sent.")
        if not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise BadRequestError(f"{self.duration_s:g} s is no duration: it must be more than 0.")


class Arrival(NamedTuple):
    """The intended start of one request, and the phase, counted from 0, that it belongs to."""

    at_s: float
    phase: int


@dataclass(slots=True, frozen=True)
class Schedule:
    """Phases one after the other. The same schedule gives the same arrivals each time."""

    phases: tuple[Phase, ...]
    arrivals: Arrivals = Arrivals.POISSON
    seed: int = 0

    @property
    def duration_s(self) -> float:
        """How long all phases take."""
        return sum(phase.duration_s for phase in self.phases)

    @property
    def starts_s(self) -> list[float]:
        """When each phase begins."""
        durations = [phase.duration_s for phase in self.phases]
        return list(itertools.accumulate(durations[:-1], initial=0.0))

    def __iter__(self) -> Iterator[Arrival]:
        """Go through the arrivals in order, without end to what they may be."""
        random = Random(self.seed)  # noqa: S311 - a load, not a secret
        for number, (start_s, phase) in enumerate(zip(self.starts_s, self.phases, strict=True)):
            for at_s in self._within(phase, random):
                yield Arrival(start_s + at_s, number)

    def _within(self, phase: Phase, random: Random) -> Iterator[float]:
        if not phase.rate_per_s:
            return iter(())
        # A Poisson process has no memory, so it may begin anew with each phase.
        times = (
            _poisson(phase.rate_per_s, random)
            if self.arrivals is Arrivals.POISSON
            else (index / phase.rate_per_s for index in itertools.count())
        )
        return itertools.takewhile(lambda at_s: at_s < phase.duration_s, times)


def _poisson(rate_per_s: float, random: Random) -> Iterator[float]:
    gaps_s = (random.expovariate(rate_per_s) for _ in itertools.count())
    return itertools.accumulate(gaps_s)
