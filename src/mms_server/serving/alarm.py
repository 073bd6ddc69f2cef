"""A timer that is set again and again, for the earliest of its times."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Calls `ring` once at the earliest of the times that it was set to. Loop thread only.

    Times are the loop's clock. To set it to a later time than it is set to costs one comparison.
    """

    __slots__ = ("_loop", "_ring", "_timer", "_when")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._when = math.inf

    def set(self, when: float) -> None:
        """Have it ring at that time, unless it will earlier."""
        if self._when <= when:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._when = when
        self._timer = self._loop.call_at(when, self._go_off)

    def _go_off(self) -> None:
        self._timer = None
        self._when = math.inf
        self._ring()
