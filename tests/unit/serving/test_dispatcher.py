"""The dispatcher in a simulation: a clock that tests move, and workers that only take notes."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mms import wire
from mms_server.errors import MMSError, ServiceUnavailableError, WorkerError
from mms_server.serving.dispatcher import Dispatcher
from mms_server.serving.job import Job
from mms_server.serving.lane import Backend
from mms_server.serving.policy import MAX_QUEUED_JOBS, Policy
from mms_server.workers.frame_reader import FrameReader
from support.jobs import make_job
from support.sinks import Answer


class SimulatedLoop:
    """The part of an event loop that the dispatcher uses; time is a number."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, int, SimulatedTimer]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> SimulatedTimer:
        timer = SimulatedTimer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_later(self, delay: float, callback: Callable[[], None]) -> SimulatedTimer:
        return self.call_at(self.now + delay, callback)

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            if not timer.is_cancelled:
                timer.callback()
        self.now = end

    def next_timer(self) -> float | None:
        live = [when for when, _, timer in self._timers if not timer.is_cancelled]
        return min(live, default=None)


class SimulatedTimer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self._when = when
        self.callback = callback
        self.is_cancelled = False

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        self.is_cancelled = True


class NotingWorker:
    """Takes batches and keeps them; a test plays its part."""

    def __init__(self, dispatcher: Dispatcher, label: str) -> None:
        self.label = label
        self.takes_work = True
        self.link = self
        self.was_killed = False
        self.batches: list[tuple[int, list[str]]] = []
        self.begun = 0
        self._dispatcher = dispatcher

    def send_batch(self, buffers: Sequence[wire.Buffer]) -> None:
        (frame,) = FrameReader().feed(b"".join(buffers))
        jobs = wire.decode_predict(frame.position, frame.meta, b"".join(frame.body))
        self.batches.append((frame.batch, [job.request_id for job in jobs]))

    def batch_done(self) -> None:
        pass

    def withdraw(self, number: int) -> int:
        return number  # as if all had begun: this one begins a batch only when it answers it

    def read_unsent(self) -> list[wire.Frame]:
        return []

    def kill(self) -> None:
        self.was_killed = True
        self.takes_work = False

    # What the process behind a real worker would do.

    def begin(self) -> list[str]:
        """Begin the oldest batch; returns the ids of its jobs."""
        number, ids = self.batches[0]
        self.begun = number
        return ids

    def answer(self, busy_s: float = 0.001) -> list[str]:
        """Answer the oldest batch whole."""
        ids = self.begin()
        number, _ = self.batches.pop(0)
        for position in range(len(ids)):
            busy_us, is_last = int(busy_s * 1e6), position == len(ids) - 1
            head = wire.encode_result_head(
                number, position, wire.ANSWERED, 200, b"", b"", busy_us, is_last, 0
            )
            (frame,) = FrameReader().feed(head)
            self._dispatcher.worker_result(cast(Backend, self), frame)
        return ids

    def die(self) -> None:
        self.takes_work = False
        self.batches.clear()
        self._dispatcher.worker_gone(cast(Backend, self), self.begun)


class NotingSink:
    def __init__(self) -> None:
        self.outcomes: list[Answer | MMSError] = []

    def answer(self, status: int, phrase: bytes, fields: bytes, body: list[wire.Buffer]) -> None:
        self.outcomes.append(Answer(status, phrase, fields, body))

    def fail(self, error: MMSError) -> None:
        self.outcomes.append(error)


class Simulation:
    """One dispatcher with its clock, its workers and every job that was submitted."""

    def __init__(self, policy: Policy) -> None:
        self.loop = SimulatedLoop()
        self.dispatcher = make_dispatcher(policy, self.loop)
        self.workers: list[NotingWorker] = []
        self.jobs: dict[str, tuple[Job, NotingSink]] = {}
        self._numbers = itertools.count()

    def add_worker(self) -> NotingWorker:
        worker = NotingWorker(self.dispatcher, f"W-{len(self.workers)}")
        self.workers.append(worker)
        self.dispatcher.worker_ready(cast(Backend, worker))
        return worker

    def submit(self, timeout_s: float | None = None, size: int = 1) -> str:
        name = f"job-{next(self._numbers)}"
        sink = NotingSink()
        job = make_job(name.encode(), [b"x" * size], sink)
        self.jobs[name] = (job, sink)
        self.dispatcher.submit(job, timeout_s)
        return name

    def outcome(self, name: str) -> Answer | MMSError | None:
        outcomes = self.jobs[name][1].outcomes
        assert len(outcomes) <= 1, "answered twice"
        return outcomes[0] if outcomes else None

    def assert_books_balance(self) -> None:
        books = self.dispatcher.accounting
        assert books.received == books.refused + books.accepted
        assert books.accepted == books.answered + books.abandoned + self.dispatcher.count_pending()


def make_dispatcher(policy: Policy, loop: SimulatedLoop) -> Dispatcher:
    asyncio._set_running_loop(cast(asyncio.AbstractEventLoop, loop))
    try:
        return Dispatcher("m", policy, lambda: True)
    finally:
        asyncio._set_running_loop(None)


def test_a_job_goes_to_an_idle_worker_at_once() -> None:
    simulation = Simulation(Policy())
    first, second = simulation.add_worker(), simulation.add_worker()
    a, b = simulation.submit(), simulation.submit()
    assert (first.batches[0][1], second.batches[0][1]) == ([a], [b])
    first.answer()
    assert isinstance(simulation.outcome(a), Answer)
    simulation.assert_books_balance()


@pytest.mark.parametrize(
    ("busy_s", "held"), [(0.0001, 22), (0.0005, 6), (0.002, 2), (0.01, 2), (0.03, 1)]
)
def test_how_much_work_a_worker_may_hold(busy_s: float, held: int) -> None:
    """2 ms ahead; one batch for services of up to 20 ms; none for slower ones."""
    simulation = Simulation(Policy())
    worker = simulation.add_worker()
    simulation.submit()
    worker.answer(busy_s)
    for _ in range(100):
        simulation.submit()
    assert len(worker.batches) == pytest.approx(held, abs=1)


def test_an_unmeasured_worker_holds_one_batch() -> None:
    simulation = Simulation(Policy())
    worker = simulation.add_worker()
    for _ in range(10):
        simulation.submit()
    assert len(worker.batches) == 1


def test_a_worker_holds_no_more_than_256_kib_ahead() -> None:
    simulation = Simulation(Policy())
    worker = simulation.add_worker()
    simulation.submit()
    worker.answer(0.00001)
    for _ in range(100):
        simulation.submit(size=100_000)
    assert len(worker.batches) == 3


def test_slow_services_never_wait_behind_one_worker_while_another_idles() -> None:
    simulation = Simulation(Policy())
    workers = [simulation.add_worker(), simulation.add_worker()]
    for _ in range(2):
        simulation.submit()
    for worker in workers:
        worker.answer(0.2)
    for _ in range(50):
        for _ in range(3):
            simulation.submit()
        assert all(len(worker.batches) <= 1 for worker in workers)
        while any(worker.batches for worker in workers):
            next(worker for worker in workers if worker.batches).answer(0.2)
            idle = [worker for worker in workers if not worker.batches]
            assert not (idle and simulation.dispatcher.queued_jobs)


def test_batches_go_when_they_are_full_or_due() -> None:
    simulation = Simulation(Policy(batch_size=3, max_batch_delay_s=0.1))
    worker = simulation.add_worker()
    a, b = simulation.submit(), simulation.submit()
    assert worker.batches == []
    c = simulation.submit()
    assert worker.batches[0][1] == [a, b, c]
    worker.answer()
    d = simulation.submit()
    simulation.loop.advance(0.05)
    e = simulation.submit()
    simulation.loop.advance(0.049)
    assert worker.batches == []
    simulation.loop.advance(0.002)
    assert worker.batches[0][1] == [d, e], "the delay counts from the oldest arrival"


def test_what_expired_is_not_sent() -> None:
    simulation = Simulation(Policy(queue_timeout_s=1))
    worker = simulation.add_worker()
    simulation.submit()
    late = simulation.submit()
    soon = simulation.submit(timeout_s=0.2)
    simulation.loop.advance(0.25)
    assert isinstance(simulation.outcome(soon), ServiceUnavailableError)
    simulation.loop.advance(1)
    assert isinstance(simulation.outcome(late), ServiceUnavailableError)
    worker.answer()
    assert worker.batches == []
    assert simulation.dispatcher.accounting.expired == 2
    simulation.assert_books_balance()


def test_jobs_wait_for_a_first_worker_as_long_as_it_may_take_to_start() -> None:
    simulation = Simulation(Policy(queue_timeout_s=1, startup_timeout_s=100))
    job = simulation.submit()
    simulation.loop.advance(50)
    worker = simulation.add_worker()
    assert worker.batches[0][1] == [job]


def test_a_death_fails_what_had_begun_and_gives_back_the_rest() -> None:
    simulation = Simulation(Policy())
    worker = simulation.add_worker()
    simulation.submit()
    worker.answer(0.0001)
    names = [simulation.submit() for _ in range(10)]
    assert len(worker.batches) == 10
    worker.answer()
    assert worker.begin() == [names[1]]
    worker.die()
    assert isinstance(simulation.outcome(names[0]), Answer)
    assert isinstance(simulation.outcome(names[1]), WorkerError)
    assert all(simulation.outcome(name) is None for name in names[2:])
    simulation.assert_books_balance()
    other = simulation.add_worker()
    sent = []
    while other.batches:
        sent += other.answer(0.0001)
    assert sent == names[2:], "in their old order"


def test_members_of_a_batch_that_died_are_tried_alone_and_once() -> None:
    simulation = Simulation(Policy(batch_size=4, max_batch_delay_s=10))
    worker = simulation.add_worker()
    names = [simulation.submit() for _ in range(4)]
    worker.begin()
    worker.die()
    assert all(simulation.outcome(name) is None for name in names)
    for name in names:
        worker = simulation.add_worker()
        assert worker.batches[0][1] == [name]
        worker.begin()
        worker.die()
        assert isinstance(simulation.outcome(name), WorkerError)
    simulation.assert_books_balance()


def test_retries_are_a_tenth_of_recent_requests() -> None:
    simulation = Simulation(Policy(batch_size=2, max_batch_delay_s=10))
    for _ in range(200):
        worker = simulation.add_worker()
        simulation.submit()
        simulation.submit()
        while worker.batches:
            worker.begin()
            worker.die()
            if simulation.dispatcher.queued_jobs:
                worker = simulation.add_worker()
    books = simulation.dispatcher.accounting
    assert books.retried <= 10 + books.accepted / 10
    simulation.assert_books_balance()


def test_a_worker_that_does_not_answer_is_killed() -> None:
    simulation = Simulation(Policy(response_timeout_s=5, batch_size=2, max_batch_delay_s=9))
    worker = simulation.add_worker()
    names = [simulation.submit(), simulation.submit()]
    worker.begin()
    killed = []
    for seconds in (4.9, 0.2):
        simulation.loop.advance(seconds)
        killed.append(worker.was_killed)
    assert killed == [False, True]
    assert all(isinstance(simulation.outcome(name), WorkerError) for name in names)
    worker.die()
    assert simulation.dispatcher.accounting.retried == 0, "a timeout is no death"
    simulation.assert_books_balance()


def test_nothing_wakes_an_idle_dispatcher() -> None:
    simulation = Simulation(Policy(response_timeout_s=5))
    worker = simulation.add_worker()
    simulation.submit()
    worker.answer()
    simulation.loop.advance(10)
    assert simulation.loop.next_timer() is None


def test_overload_is_refused_with_the_time_to_come_back() -> None:
    simulation = Simulation(Policy(queue_timeout_s=10))
    worker = simulation.add_worker()
    simulation.submit()
    worker.answer(1.0)
    names = [simulation.submit() for _ in range(15)]
    refused = [n for n in names if isinstance(simulation.outcome(n), ServiceUnavailableError)]
    assert refused == names[10:]
    error = simulation.outcome(names[-1])
    assert isinstance(error, ServiceUnavailableError)
    assert error.retry_after_s == 1
    assert "the predicted wait of 11.0 s exceeds the queue timeout of 10 s" in str(error)


def test_the_queue_is_bounded_by_count_and_bytes() -> None:
    simulation = Simulation(Policy(max_queued_bytes=1000))
    simulation.add_worker()
    simulation.submit(size=600)
    for _ in range(2):
        assert simulation.outcome(simulation.submit(size=600)) is None
    assert isinstance(simulation.outcome(simulation.submit()), ServiceUnavailableError)
    simulation = Simulation(Policy(job_queue_size=3))
    simulation.add_worker()
    outcomes = [simulation.outcome(simulation.submit()) for _ in range(6)]
    assert [outcome is None for outcome in outcomes] == [True] * 4 + [False] * 2
    simulation = Simulation(Policy())
    for _ in range(MAX_QUEUED_JOBS):
        simulation.submit()
    assert isinstance(simulation.outcome(simulation.submit()), ServiceUnavailableError)


def test_when_a_service_slows_down_the_admitted_still_begin_in_time() -> None:
    """Service time steps from 5 to 50 ms under arrivals at three times the capacity."""
    simulation = Simulation(Policy(queue_timeout_s=1.0))
    worker = simulation.add_worker()
    served_at_slow_pace, late = 0, []
    arrivals: Iterator[float] = itertools.count(0.0, 0.005 / 3)
    arrival = next(arrivals)
    free_at, origin = 0.0, simulation.loop.now
    for step in range(3000):
        busy_s = 0.005 if step < 1000 else 0.05
        arrival_gap = 0.005 / 3 if step < 1000 else 0.05 / 3
        free_at += busy_s
        while arrival < free_at:
            simulation.loop.advance(max(0.0, origin + arrival - simulation.loop.now))
            simulation.submit()
            arrival += arrival_gap
        simulation.loop.advance(max(0.0, origin + free_at - simulation.loop.now))
        if worker.batches:
            (name,) = worker.answer(busy_s)
            job = simulation.jobs[name][0]
            waited_s = simulation.loop.now - busy_s - job.arrived
            if step >= 1000:
                served_at_slow_pace += 1
                if served_at_slow_pace > 100 and waited_s > 1.0 + busy_s:
                    late.append(waited_s)
    assert served_at_slow_pace > 1000
    assert late == []
    expired_share = simulation.dispatcher.accounting.expired / served_at_slow_pace
    assert expired_share < 0.2, "refused at the door, not in the queue"
    simulation.assert_books_balance()


def test_closing_answers_everything() -> None:
    simulation = Simulation(Policy())
    worker = simulation.add_worker()
    names = [simulation.submit() for _ in range(5)]
    reason = ServiceUnavailableError("gone")
    simulation.dispatcher.close(reason)
    assert [simulation.outcome(name) for name in names[1:]] == [reason] * 4
    assert simulation.outcome(simulation.submit()) is reason
    worker.answer()
    assert isinstance(simulation.outcome(names[0]), Answer)
    simulation.assert_books_balance()


def test_a_sink_that_fails_hurts_nobody_else() -> None:
    class Broken(NotingSink):
        def answer(
            self, status: int, phrase: bytes, fields: bytes, body: list[wire.Buffer]
        ) -> None:
            raise RuntimeError("a defect in a dialect")

    simulation = Simulation(Policy())
    worker = simulation.add_worker()
    job = make_job(b"id", [], Broken())
    simulation.dispatcher.submit(job)
    worker.answer()
    after = simulation.submit()
    worker.answer()
    assert isinstance(simulation.outcome(after), Answer)
    simulation.assert_books_balance()


class DispatcherMachine(RuleBasedStateMachine):
    """Anything, in any order: the books balance, and nothing is executed twice."""

    batch_size = 1

    def __init__(self) -> None:
        super().__init__()
        self.simulation = Simulation(
            Policy(
                batch_size=self.batch_size,
                max_batch_delay_s=0.1,
                queue_timeout_s=2,
                response_timeout_s=5,
                startup_timeout_s=10,
            )
        )
        self.begun: dict[str, int] = {}

    def live(self) -> list[NotingWorker]:
        return [worker for worker in self.simulation.workers if worker.takes_work]

    def note_begun(self, worker: NotingWorker) -> None:
        number, ids = worker.batches[0]
        if worker.begun < number:
            for name in ids:
                self.begun[name] = self.begun.get(name, 0) + 1

    @rule()
    def start_worker(self) -> None:
        if len(self.live()) < 4:
            self.simulation.add_worker()

    @rule(timeout_s=st.sampled_from([None, 0.05, 1.0]), count=st.integers(1, 6))
    def submit(self, timeout_s: float | None, count: int) -> None:
        for _ in range(count):
            self.simulation.submit(timeout_s)

    @rule(pick=st.integers(0, 10), busy_s=st.sampled_from([0.0001, 0.005, 0.2]))
    def answer(self, pick: int, busy_s: float) -> None:
        busy = [worker for worker in self.live() if worker.batches]
        if busy:
            worker = busy[pick % len(busy)]
            self.note_begun(worker)
            worker.answer(busy_s)

    @rule(pick=st.integers(0, 10), has_begun=st.booleans())
    def die(self, pick: int, has_begun: bool) -> None:
        workers = [w for w in self.simulation.workers if w.takes_work or w.was_killed]
        if workers:
            worker = workers[pick % len(workers)]
            if worker.batches and (has_begun or worker.was_killed):
                self.note_begun(worker)
                worker.begin()
            worker.was_killed = False
            worker.die()

    @rule(pick=st.integers(0, 1000))
    def abandon(self, pick: int) -> None:
        pending = [j for j, sink in self.simulation.jobs.values() if not sink.outcomes]
        if pending:
            self.simulation.dispatcher.abandon(pending[pick % len(pending)])

    @rule(seconds=st.sampled_from([0.01, 0.11, 1.0, 6.0]))
    def advance(self, seconds: float) -> None:
        self.simulation.loop.advance(seconds)

    @precondition(lambda self: len(self.simulation.jobs) > 20)
    @rule()
    def close(self) -> None:
        self.simulation.dispatcher.close(ServiceUnavailableError("closed"))

    @invariant()
    def books_balance(self) -> None:
        self.simulation.assert_books_balance()

    @invariant()
    def each_job_has_one_outcome_at_most(self) -> None:
        for name, (job, sink) in self.simulation.jobs.items():
            assert self.simulation.outcome(name) is None or job.is_settled
            assert len(sink.outcomes) <= 1

    @invariant()
    def nothing_is_executed_twice(self) -> None:
        most = 1 if self.batch_size == 1 else 2
        assert all(count <= most for count in self.begun.values())

    @invariant()
    def no_job_waits_while_a_worker_idles(self) -> None:
        if self.batch_size == 1 and any(not worker.batches for worker in self.live()):
            assert self.simulation.dispatcher.queued_jobs == sum(
                len(worker.batches) - 1 for worker in self.simulation.workers if worker.batches
            )


class BatchingMachine(DispatcherMachine):
    """The same with batches, whose members may be tried a second time."""

    batch_size = 3


TestSingleJobs = DispatcherMachine.TestCase
TestSingleJobs.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBatches = BatchingMachine.TestCase
TestBatches.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
