"""Any order of events: the books balance after each, and no job is lost, doubled or overtaken."""

from __future__ import annotations

from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from mms import wire
from mms_server.errors import ServiceUnavailableError
from mms_server.serving.lane import Backend
from mms_server.serving.policy import Policy
from support.simulation import RecordedSink, Sent, StandIn, World

POLICIES = st.builds(
    Policy,
    batch_size=st.sampled_from([1, 1, 2, 3]),
    max_batch_delay_s=st.sampled_from([0.0, 0.1, 2.0]),
    queue_timeout_s=st.sampled_from([0.5, 3.0, 60.0]),
    response_timeout_s=st.sampled_from([1.0, 20.0]),
    startup_timeout_s=st.just(5.0),
    job_queue_size=st.sampled_from([None, None, 3]),
    retry_batches=st.booleans(),
)
TIMER_S = 0.001
"""A batch may go this much before its time; see `Dispatcher`."""
PICK = st.integers(0, 3)


class DispatcherMachine(RuleBasedStateMachine):
    @initialize(policy=POLICIES)
    def make(self, policy: Policy) -> None:
        self.world = World(policy)
        self.world.on_sent = self.check_sent
        self.policy = policy
        self.abandoned: dict[int, bool] = {}
        """Whether the job had been answered already."""
        self.sent_first: list[int] = []
        self.is_closed = False

    def check_sent(self, worker: StandIn, sent: Sent) -> None:
        """Check one batch at the moment at which it is sent."""
        world, now = self.world, self.world.clock.now
        jobs = [world.jobs[n] for n in sent.ids]
        assert 1 <= len(jobs) <= self.policy.batch_size
        assert all(job.deadline > now for job in jobs), "an expired job was sent"
        assert not any(job.is_settled for job in jobs)
        for number in sent.ids:
            if number not in self.sent_first:
                assert not self.sent_first or number > self.sent_first[-1], "a job was overtaken"
                self.sent_first.append(number)
        is_again = any(len(self.sends_of(n)) > 1 for n in sent.ids)
        is_full = len(jobs) == self.policy.batch_size
        is_due = now + TIMER_S >= jobs[0].arrived + self.policy.max_batch_delay_s
        assert is_full or is_due or is_again or (len(jobs) == 1 and jobs[0].is_retry)
        if any(job.is_retry for job in jobs):
            assert len(jobs) == 1
        others = [other for other in world.workers if other is not worker and other.takes_work]
        is_ahead = len(worker.waiting) > 1 or worker.executing is not None
        assert not (is_ahead and any(self.holds_nothing(other) for other in others))

    def sends_of(self, number: int) -> list[Sent]:
        return [sent for _, sent in self.world.sent if number in sent.ids]

    def holds_nothing(self, worker: StandIn) -> bool:
        lane = self.world.dispatcher._lanes.get(cast(Backend, worker))
        return lane is not None and lane.is_idle

    def worker(self, pick: int) -> StandIn | None:
        workers = self.world.workers
        return workers[pick % len(workers)] if workers else None

    # What may happen.

    @rule(
        timeout_s=st.sampled_from([None, None, 0.01, 1.0, 100.0]),
        count=st.integers(1, 4),
        asks_again=st.booleans(),
    )
    def submit(self, timeout_s: float | None, count: int, asks_again: bool) -> None:
        for _ in range(count):
            sink = RecordedSink()
            if asks_again:  # a client that has its next request ready
                sink.then = self.submit_again
            self.world.submit(timeout_s, sink=sink)

    def submit_again(self) -> None:
        self.world.submit()

    @precondition(lambda self: self.world.jobs)
    @rule(pick=st.integers(0, 30))
    def abandon(self, pick: int) -> None:
        number = max(0, len(self.world.jobs) - 1 - pick)
        self.abandoned.setdefault(number, self.world.said(number) is not None)
        self.world.dispatcher.abandon(self.world.jobs[number])

    @precondition(lambda self: len(self.world.workers) < 3)
    @rule()
    def ready(self) -> None:
        self.world.add_worker()

    @rule(pick=PICK)
    def begin(self, pick: int) -> None:
        worker = self.worker(pick)
        if worker and worker.executing is None and worker.waiting:
            worker.begin()

    @rule(
        pick=PICK,
        busy_s=st.sampled_from([0.0005, 0.005, 0.2]),
        outcome=st.sampled_from([wire.ANSWERED, wire.ANSWERED, wire.FAILED, wire.EXPIRED]),
    )
    def finish(self, pick: int, busy_s: float, outcome: int) -> None:
        worker = self.worker(pick)
        if worker and worker.executing is not None:
            worker.finish(busy_s, outcome)

    @rule(pick=PICK, frames=st.sampled_from([None, None, 1]))
    def deliver(self, pick: int, frames: int | None) -> None:
        worker = self.worker(pick)
        if worker:
            worker.deliver(frames)

    @rule(pick=PICK, busy_s=st.sampled_from([0.0005, 0.005, 0.2]), times=st.integers(1, 4))
    def work(self, pick: int, busy_s: float, times: int) -> None:
        for _ in range(times):
            worker = self.worker(pick)
            if worker and (worker.executing is not None or worker.waiting):
                worker.work(busy_s)

    @rule(pick=PICK, sends=st.booleans())
    def die(self, pick: int, sends: bool) -> None:
        worker = self.worker(pick)
        if worker:
            worker.die(sends=sends)

    @rule(pick=PICK)
    def retire(self, pick: int) -> None:
        worker = self.worker(pick)
        if worker:
            worker.takes_work = False

    @rule(seconds=st.sampled_from([0.001, 0.05, 0.5, 4.0, 70.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(has_workers=st.booleans())
    def scale(self, has_workers: bool) -> None:
        self.world.has_workers = has_workers

    @precondition(lambda self: len(self.world.jobs) > 10)
    @rule()
    def close(self) -> None:
        self.world.dispatcher.close(ServiceUnavailableError("closing"))
        self.is_closed = True

    # What always holds.

    @invariant()
    def books_balance(self) -> None:
        self.world.check_books()

    @invariant()
    def nothing_runs_twice(self) -> None:
        for batches in self.world.begun.values():
            assert len(batches) == 1 or (len(batches) == 2 and batches[0] > 1 and batches[1] == 1)

    @invariant()
    def who_has_gone_hears_nothing(self) -> None:
        for number, was_answered in self.abandoned.items():
            assert (self.world.said(number) is not None) == was_answered

    @invariant()
    def no_due_job_waits_while_a_worker_idles(self) -> None:
        queue = self.world.dispatcher._queue
        if not queue:
            return
        due = queue.head.arrived + self.policy.max_batch_delay_s
        is_due = self.policy.batch_size == 1 or queue.head.is_retry
        is_due = is_due or len(queue) >= self.policy.batch_size or self.world.clock.now > due
        idle = [w for w in self.world.workers if w.takes_work and self.holds_nothing(w)]
        assert not (idle and is_due)

    @invariant()
    def retries_are_bounded(self) -> None:
        books = self.world.dispatcher.accounting
        assert books.retried <= 10 + 0.1 * books.accepted

    def teardown(self) -> None:
        """Whatever happened: when workers go on working, every job comes to its end."""
        world = self.world
        for sink in world.sinks:
            sink.then = None
        world.has_workers = True
        for worker in [w for w in world.workers if not w.takes_work]:
            worker.die()
        while world.dispatcher.count_pending():
            if not world.workers:
                world.add_worker()
            world.clock.advance(0.01)
            for worker in list(world.workers):
                if worker.executing is not None or worker.waiting:
                    worker.work(0.001)
                worker.deliver()
            world.check_books()
        for number, sink in enumerate(world.sinks):
            was_heard = self.abandoned.get(number, True)
            assert (sink.said is not None) == was_heard
        self.nothing_runs_twice()


DispatcherMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
TestDispatcherStates = DispatcherMachine.TestCase
