"""The number of workers follows the load; in a world whose clock and workers are moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mms_server.serving.autoscaler import Autoscaler
from mms_server.serving.policy import Policy
from mms_server.workers.pool import Pool, Target
from support.simulation import StandIn, World

UP_S = 0.25
DOWN_S = 10.0
LOAD_S = 3.0
TICK_S = 0.01


@dataclass
class Staff:
    """A pool in the simulated world: a worker that is wanted comes after its load time."""

    world: World
    target: Target
    load_s: float = LOAD_S
    fails: bool = False
    coming: int = 0

    spec = SimpleNamespace(model_name="m")

    @property
    def ready_workers(self) -> int:
        return sum(worker.takes_work for worker in self.world.workers)

    def want(self, workers: int) -> None:
        self.target.wanted = workers
        while self.ready_workers + self.coming < workers:
            self.coming += 1
            self.world.clock.call_later(self.load_s, self.arrive)
        for worker in self.world.workers[workers:]:
            worker.takes_work = False

    def arrive(self) -> None:
        if not self.fails:
            self.coming -= 1
            self.world.add_worker()


class Office:
    """A model whose workers take `service_s` a request, with an autoscaler."""

    def __init__(
        self, least: int, most: int, *, wanted: int = 1, service_s: float = 0.1, **policy: object
    ) -> None:
        self.policy = Policy(scale_up_after_s=UP_S, scale_down_after_s=DOWN_S, **policy)  # type: ignore[arg-type]
        self.world = World(self.policy, workers=wanted)
        self.service_s = service_s
        self.staff = Staff(self.world, Target(least, most, wanted))
        loop = cast(asyncio.AbstractEventLoop, self.world.clock)
        asyncio._set_running_loop(loop)
        try:
            self.autoscaler = Autoscaler(self.world.dispatcher, cast(Pool, self.staff), self.policy)
        finally:
            asyncio._set_running_loop(None)
        self.autoscaler.bounds_moved()
        self.seen = [wanted]
        self._ends: dict[StandIn, float] = {}

    @property
    def wanted(self) -> int:
        return self.staff.target.wanted

    def run(self, seconds: float, each_s: float | None = None) -> None:
        """Let time pass with a request at every `each_s`, or without any."""
        clock = self.world.clock
        end = clock.now + seconds
        due = clock.now
        while clock.now < end - 1e-9:
            while each_s is not None and due <= clock.now + 1e-9:
                self.world.submit()
                due += each_s
            self._work()
            clock.advance(TICK_S)
            if self.wanted != self.seen[-1]:
                self.seen.append(self.wanted)

    def _work(self) -> None:
        now = self.world.clock.now
        for worker in list(self.world.workers):
            if worker.executing is not None and now >= self._ends[worker] - 1e-9:
                worker.finish(self.service_s)
                worker.deliver()
            if worker.executing is None and worker.waiting:
                worker.begin()
                self._ends[worker] = now + self.service_s
            if worker.executing is None and not worker.takes_work:
                worker.die()


def test_workers_come_with_the_load_and_go_with_it() -> None:
    office = Office(1, 8)
    office.run(12, each_s=0.05)  # two workers' work, and what has gathered meanwhile
    assert office.seen == [1, 2, 4]
    assert office.autoscaler.last is not None
    assert "a request waited" in office.autoscaler.last.reason
    office.run(2 * DOWN_S, each_s=0.05)
    assert office.seen == [1, 2, 4, 3]
    assert "2.0 of them had work" in office.autoscaler.last.reason
    office.run(10 * DOWN_S)
    assert office.seen == [1, 2, 4, 3, 2, 1]
    office.world.check_books()


def test_one_leap_at_a_time() -> None:
    office = Office(1, 64)
    office.run(LOAD_S, each_s=0.005)
    assert office.seen == [1, 2], "those who come are waited for"
    office.run(LOAD_S + 4 * UP_S, each_s=0.005)
    assert office.seen == [1, 2, 4]


def test_a_burst_that_is_over_before_a_worker_could_come_brings_nobody() -> None:
    office = Office(1, 8)
    for _ in range(30):
        office.world.submit()
    office.run(10)
    assert office.seen == [1]


def test_the_upper_bound() -> None:
    office = Office(1, 3)
    office.run(60, each_s=0.002)
    assert office.seen == [1, 2, 3]


def test_quick_requests_that_hardly_wait_bring_nobody() -> None:
    office = Office(1, 8, service_s=TICK_S)
    for _ in range(20):
        for _ in range(10):
            office.world.submit()
        office.run(1)
    assert office.seen == [1]


def test_a_refusal_brings_another() -> None:
    office = Office(1, 2, job_queue_size=1, service_s=0.02)
    office.run(4 * UP_S, each_s=TICK_S)
    assert office.world.dispatcher.accounting.refused
    assert office.wanted == 2
    assert office.autoscaler.last is not None
    assert "refused" in office.autoscaler.last.reason


def test_a_batch_that_waits_to_be_filled_brings_nobody() -> None:
    office = Office(1, 2, batch_size=8, max_batch_delay_s=2.0)
    office.run(60, each_s=1.0)
    assert office.seen == [1]


def test_while_a_worker_fails_nobody_else_is_called() -> None:
    office = Office(1, 8)
    office.staff.fails = True
    office.run(120, each_s=0.01)
    assert office.seen == [1, 2]


@pytest.mark.parametrize("bounds", [(1, 1), (4, 4)])
def test_without_a_choice_nothing_is_watched(bounds: tuple[int, int]) -> None:
    office = Office(*bounds, wanted=bounds[0])
    assert office.world.dispatcher.on_wait is None
    office.run(2 * DOWN_S, each_s=0.01)
    assert office.seen == [bounds[0]]


def pending_timers(world: World) -> list[Callable[[], None]]:
    return [timer for _, _, timer, _ in world.clock._timers if not timer.cancelled()]  # type: ignore[misc]


def test_at_rest_there_is_no_timer() -> None:
    office = Office(1, 8)
    office.run(10, each_s=0.03)
    office.run(20 * DOWN_S)
    office.world.clock.advance(1000)
    assert office.wanted == 1
    assert pending_timers(office.world) == []


def test_the_last_worker_stays_even_at_a_lower_bound_of_none() -> None:
    office = Office(0, 4, wanted=4)
    office.run(10 * DOWN_S)
    assert office.wanted == 1


def test_what_is_needed_stays() -> None:
    office = Office(1, 8, wanted=4)
    office.run(10 * DOWN_S, each_s=0.05)  # two workers' work
    assert office.seen == [4, 3]


@settings(deadline=None, max_examples=15)
@given(st.floats(0.02, 1.0), st.integers(1, 4), st.integers(1, 16))
def test_an_even_load_finds_its_number_and_keeps_it(each_s: float, least: int, most: int) -> None:
    office = Office(least, max(most, least), wanted=least)
    office.run(4 * DOWN_S, each_s=each_s)
    del office.seen[:-1]
    office.run(8 * DOWN_S, each_s=each_s)
    assert len(office.seen) <= 2, "one more goes, at the most"
    assert least <= office.wanted <= max(most, least)
    office.world.check_books()
