"""Progress for the person who waits: on standard error, so that the report can be redirected."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def say(line: str) -> None:
    """Print one line of progress at once."""
    print(line, file=sys.stderr, flush=True)


def minutes(duration_s: float) -> str:
    """Return a duration as a person plans with it."""
    return f"{duration_s:.0f} s" if duration_s < 90 else f"{duration_s / 60:.0f} min"


class Progress:
    """Steps of about equal length, and how much time those that are left will take."""

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps = steps
        self._done = 0
        self._clock = clock
        self._began_s = clock()

    def show(self, line: str) -> None:
        """Print what the step that has just ended brought."""
        say(self.describe(line))

    def describe(self, line: str) -> str:
        """Count a step and return its line."""
        self._done += 1
        left = max(0, self._steps - self._done)
        left_s = (self._clock() - self._began_s) / self._done * left
        return f"[{self._done}/{self._steps}, {minutes(left_s)} left] {line}"
