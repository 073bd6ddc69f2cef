"""How many workers a model should have between its bounds. Pure: no clock, no I/O.

Up in leaps, since requests wait meanwhile, and down in smaller ones only to what would still have
been enough, so that the next request does not bring back what has just gone.
"""

from __future__ import annotations

import math
from typing import Final

BUSY_SHARE: Final = 0.7
"""How much of their time the workers that stay may have worked, before any goes. At this share a
request waits about as long as one takes (M/D/1: rho / (2 - 2 rho) = 1.2 service times)."""


def will_drain(before: int, now: int, elapsed_s: float, within_s: float) -> bool:
    """Say whether a queue that had `before` batches, and has `now`, will be empty in that time.

    Then a worker that takes as long to come would find nothing to do.
    """
    return (before - now) * within_s > now * elapsed_s


def rise(ready: int, waiting_batches: int, most: int) -> int:
    """Choose a number of workers while requests wait too long.

    Twice those there are, but not more than the waiting batches could keep busy.
    """
    return min(most, ready + min(max(ready, 1), max(waiting_batches, 1)))


def fall(workers: int, busy: float, least: int) -> int:
    """Choose a number of workers after a time in which, on the average, `busy` of them worked.

    At most half of them go at once. Never raises the number, and never ends the last worker.
    """
    enough = math.ceil(busy / BUSY_SHARE)
    return min(workers, max(least, 1, enough, math.ceil(workers / 2)))
