"""How long to wait before a worker is started again."""

from __future__ import annotations

CEILING_S = 60
STABLE_S = 30.0
"""A worker that has been ready for this long has recovered: counting starts anew."""


class Backoff:
    """Waits of 1, 1, 2, 3, 5, 8, ... seconds, as in Multi Model Server, up to a ceiling.

    The first death of a worker that had been ready costs no wait: its model is known to load.
    """

    def __init__(self) -> None:
        self._wait_s, self._next_s = 1, 1
        self._has_failed = False

    def wait_s(self, ready_s: float) -> int:
        """Return the wait after a failure; `ready_s` is how long the worker had been ready."""
        if ready_s >= STABLE_S:
            self._wait_s, self._next_s = 1, 1
            self._has_failed = False
        if ready_s > 0 and not self._has_failed:
            self._has_failed = True
            return 0
        self._has_failed = True
        wait_s = self._wait_s
        self._wait_s, self._next_s = self._next_s, min(CEILING_S, self._wait_s + self._next_s)
        return wait_s
