"""Starts requests when they are due, and keeps the books.

Open loop: a request starts when the schedule says, whether or not those before were answered, as
those of independent users do. Latency counts from that intended start, so a server that stalls
cannot hide the requests that it kept from being sent (Gil Tene's "coordinated omission").

uvloop's timers count whole milliseconds and round: one below half a millisecond fires at once, and
a generator that slept from arrival to arrival would spin. So it sleeps for whole milliseconds,
sends at each awakening all that is due, and tells how late that was.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from mms_server.load.answers import Answer
from mms_server.load.connection import Request
from mms_server.load.pool import Pool
from mms_server.load.schedule import Arrival, Schedule
from mms_server.load.tally import Kind, Result, Tally, kind_of
from mms_server.load.target import Target

_LONGEST_SLEEP_MS: Final = 10
"""Timeouts, ends of phases and an interruption are seen with this precision."""


@dataclass(slots=True, frozen=True)
class Plan:
    """What to send, when, over how many connections, and how long to wait for each answer.

    `timeout_s` counts from the intended start; a request without an answer by then has failed.
    """

    target: Target
    schedule: Schedule
    connections: int = 100
    timeout_s: float = 10.0


class Outcome(NamedTuple):
    """What became of one request. Times are seconds from the start of the load."""

    phase: int
    at_s: float
    """The intended start."""
    ended_s: float
    status: int
    """0 if there was no answer."""
    error: str
    """Why there was none; empty if there was one."""


class Generator:
    """Runs one plan, once. Loop thread only.

    `on_outcome` hears of each request as it is settled, `on_phase` of each phase, by its number,
    when it begins.
    """

    def __init__(
        self,
        plan: Plan,
        on_outcome: Callable[[Outcome], None] | None = None,
        on_phase: Callable[[int], None] | None = None,
    ) -> None:
        self.sent = 0
        """How many requests have come due."""
        self.good = 0
        """How many were answered 2xx."""
        self._plan = plan
        self._on_outcome = on_outcome
        self._on_phase = on_phase
        self._starts_s = plan.schedule.starts_s
        self._tallies: list[Tally] = []
        self._pool = Pool(plan.target, plan.connections, self)
        self._begun = 0.0
        self._is_stopped = False
        self._cpu_s = 0.0
        self._current: Tally | None = None

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answers, or to be sent."""
        return self._pool.in_flight

    @property
    def elapsed_s(self) -> float:
        """For how long requests are being sent; 0 while connections are opened."""
        return time.perf_counter() - self._begun if self._begun else 0.0

    def stop(self) -> None:
        """Send nothing more and wait for nothing more; `run` returns soon."""
        self._is_stopped = True

    async def run(self) -> Result:
        """Open the connections, send all requests, wait for what became of each.

        Raises ServiceUnavailableError if nothing can be connected to.
        """
        try:
            await self._pool.start()
            self._begun = time.perf_counter()
            await self._send_all()
            await self._await_rest()
        finally:
            await self._pool.close()
        return Result(self._tallies, self._pool.connections, self._is_stopped)

    async def _send_all(self) -> None:
        plan = self._plan
        arrivals = iter(plan.schedule)
        due = next(arrivals, None)
        while not self._is_stopped:
            now = self.elapsed_s
            self._enter_phase(now)
            due = self._send_due(due, arrivals, now)
            self._pool.expire(now - plan.timeout_s)
            if now >= plan.schedule.duration_s:
                break
            await asyncio.sleep(_sleep_s(due, self.elapsed_s))
        self._leave_phase(self.elapsed_s)

    def _send_due(
        self, due: Arrival | None, arrivals: Iterator[Arrival], now: float
    ) -> Arrival | None:
        """Start the requests whose time has come; returns the first whose time has not."""
        while due is not None and due.at_s <= now:
            # Late at the border of two phases it may belong to the one before.
            tally = self._tallies[due.phase]
            tally.sent += 1
            self.sent += 1
            tally.lateness.add(self.elapsed_s - due.at_s)
            if not self._pool.send(Request(due.at_s, due.phase)):
                tally.waited += 1
            due = next(arrivals, None)
        return due

    async def _await_rest(self) -> None:
        while self._pool.in_flight:
            if self._is_stopped:
                self._pool.interrupt()
                return
            self._pool.expire(self.elapsed_s - self._plan.timeout_s)
            await asyncio.sleep(_LONGEST_SLEEP_MS / 1e3)

    # Phases.

    def _enter_phase(self, now: float) -> None:
        phases = self._plan.schedule.phases
        while len(self._tallies) < len(phases) and self._starts_s[len(self._tallies)] <= now:
            number = len(self._tallies)
            self._leave_phase(self._starts_s[number])
            self._current = Tally(phases[number])
            self._tallies.append(self._current)
            if self._on_phase is not None:
                self._on_phase(number)

    def _leave_phase(self, now: float) -> None:
        spent_s, self._cpu_s = time.process_time() - self._cpu_s, time.process_time()
        if self._current is not None:
            began_s = self._starts_s[len(self._tallies) - 1]
            self._current.elapsed_s = min(now - began_s, self._current.phase.duration_s)
            self._current.cpu_s = spent_s
            self._current = None

    # From the pool (`mms_server.load.pool.Recorder`).

    def answered(self, request: Request, answer: Answer) -> None:
        """Book an answer."""
        ended_s = self.elapsed_s
        tally = self._tallies[request.phase]
        tally.statuses[answer.status] += 1
        kind = kind_of(answer.status)
        tally.latency[kind].add(ended_s - request.at_s)
        if kind is Kind.GOOD:
            self.good += 1
            if self._current is not None:
                self._current.good_in_time += 1
        elif kind is Kind.REFUSED and answer.has_retry_after:
            tally.advised += 1
        if self._on_outcome is not None:
            self._on_outcome(Outcome(request.phase, request.at_s, ended_s, answer.status, ""))

    def failed(self, request: Request, reason: str) -> None:
        """Book a request without an answer."""
        self._tallies[request.phase].errors[reason] += 1
        if self._on_outcome is not None:
            self._on_outcome(Outcome(request.phase, request.at_s, self.elapsed_s, 0, reason))


def _sleep_s(due: Arrival | None, now: float) -> float:
    """Return the whole milliseconds, at least one, to the next arrival."""
    left_ms = _LONGEST_SLEEP_MS if due is None else math.ceil((due.at_s - now) * 1e3)
    return min(max(left_ms, 1), _LONGEST_SLEEP_MS) / 1e3
