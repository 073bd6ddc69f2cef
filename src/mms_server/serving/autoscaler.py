"""Moves a model's number of workers between the bounds that its operator set.

Requests that wait too long for a worker, or are refused for want of one, raise it; workers without
enough to do lower it. One timer looks while requests wait, another while there are more workers
than the lower bound; a model at rest has neither.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from mms_server.serving.dispatcher import Dispatcher
from mms_server.serving.policy import Policy
from mms_server.serving.scaling import fall, rise, will_drain
from mms_server.workers.pool import Pool

logger = logging.getLogger("mms_server.serving")

_START_S = 1.0
"""From the decision for a worker to the start of its load; what that takes is measured."""
_PAUSE_S = 0.05
"""Between two looks, whatever the settings say: looking must not become work of its own."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """One move of the number of workers, and why."""

    time: datetime
    before: int
    after: int
    reason: str


class Autoscaler:
    """Decides for one model version. Loop thread only.

    It raises only once every worker that it asked for works: those being loaded are capacity to
    come, and where one has failed another would too. A model without workers stays without.
    """

    def __init__(self, dispatcher: Dispatcher, pool: Pool, policy: Policy) -> None:
        self.rises = 0
        self.falls = 0
        self.last: Scaling | None = None
        self._dispatcher = dispatcher
        self._pool = pool
        self._policy = policy
        self._loop = asyncio.get_running_loop()
        self._refusals = 0
        """How many of the model's requests had been refused at the last look."""
        self._pressed_at = self._loop.time()
        self._backlog: tuple[float, int] | None = None
        """When requests last waited too long, and how many batches; none since workers came."""
        self._rising: asyncio.TimerHandle | None = None
        self._falling: asyncio.TimerHandle | None = None
        self._window_since = 0.0
        self._worked_before_s = 0.0

    def bounds_moved(self) -> None:
        """Begin or stop to watch; to be called whenever the pool's target has been set."""
        self.close()
        target = self._pool.target
        if target.max_workers > target.min_workers:
            self._refusals = self._dispatcher.accounting.refused
            self._dispatcher.on_wait = self._on_wait
            self._watch_idleness()

    def close(self) -> None:
        """Stop watching."""
        self._dispatcher.on_wait = None
        for timer in (self._rising, self._falling):
            if timer is not None:
                timer.cancel()
        self._rising = self._falling = None

    # Up.

    def _on_wait(self) -> None:
        if self._rising is None:
            pause_s = max(self._policy.scale_up_after_s, _PAUSE_S)
            self._rising = self._loop.call_later(pause_s, self._look)

    def _look(self) -> None:
        self._rising = None
        now = self._loop.time()
        wait_s = self._dispatcher.oldest_wait_s(now)
        refused = self._dispatcher.accounting.refused - self._refusals
        self._refusals += refused
        # Timers fire up to their resolution early.
        if refused or wait_s + 0.001 >= self._policy.scale_up_after_s:
            self._pressed_at = now
            waited = f"a request waited {wait_s:.2f} s"
            self._raise(now, f"{refused} were refused" if refused else waited)
        else:
            self._backlog = None
        if wait_s or refused:
            self._on_wait()

    def _raise(self, now: float, reason: str) -> None:
        ready = self._pool.ready_workers
        if not ready or ready != self._pool.target.wanted:
            self._backlog = None
            return
        before, waiting = self._backlog, self._dispatcher.waiting_batches
        self._backlog = now, waiting
        if before is None:  # it takes two looks to see whether the queue is getting shorter
            return
        within_s = _START_S + self._pool.load_s
        if not will_drain(before[1], waiting, now - before[0], within_s):
            self._move(rise(ready, waiting, self._pool.target.max_workers), reason)

    # Down.

    def _watch_idleness(self) -> None:
        """Begin to measure anew while there are more workers than there need be."""
        if self._falling is not None:
            self._falling.cancel()
            self._falling = None
        if self._pool.target.wanted > max(self._pool.target.min_workers, 1):
            self._window_since = self._loop.time()
            self._worked_before_s = self._dispatcher.worked_s(self._window_since)
            pause_s = max(self._policy.scale_down_after_s, _PAUSE_S)
            self._falling = self._loop.call_later(pause_s, self._judge)

    def _judge(self) -> None:
        now = self._loop.time()
        worked_s = self._dispatcher.worked_s(now) - self._worked_before_s
        window_s = now - self._window_since
        if self._pressed_at <= self._window_since:
            busy = worked_s / window_s
            target = self._pool.target
            wanted = fall(target.wanted, busy, target.min_workers)
            self._move(wanted, f"{busy:.1f} of them had work on average in {window_s:.0f} s")
        self._watch_idleness()

    def _move(self, workers: int, reason: str) -> None:
        before = self._pool.target.wanted
        if workers == before:
            return
        self._pool.want(workers)
        self.last = Scaling(datetime.now(UTC), before, workers, reason)
        if workers > before:
            self.rises += 1
            self._watch_idleness()
        else:
            self.falls += 1
        name = self._pool.spec.model_name
        logger.info("Model %s scaled from %d to %d workers: %s", name, before, workers, reason)
