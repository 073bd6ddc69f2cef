from __future__ import annotations

import pytest

from mms import wire
from mms_server.errors import BadRequestError, ServiceUnavailableError, WorkerError
from mms_server.serving.job import HandlerError
from mms_server.serving.policy import Policy
from mms_server.workers.frame_reader import FrameReader
from support.simulation import RecordedSink, World


def test_an_answer_goes_back_to_who_asked() -> None:
    world = World(workers=1)
    first, second = world.submit(), world.submit()
    world.workers[0].work()
    world.workers[0].work()
    assert world.answered(first)
    assert world.answered(second)
    assert world.batches_done == 2
    world.check_books()


@pytest.mark.parametrize(
    ("outcome", "error"), [(wire.FAILED, HandlerError), (wire.REFUSED, BadRequestError)]
)
def test_a_worker_says_why_there_is_no_answer(outcome: int, error: type[Exception]) -> None:
    world = World(workers=1)
    job = world.submit()
    world.workers[0].begin()
    world.workers[0].finish(outcome=outcome)
    world.workers[0].deliver()
    assert type(world.said(job)) is error
    assert str(world.said(job)) == "text"
    world.check_books()


def test_a_sink_that_fails_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("a defect of a dialect")

    world = World(workers=1)
    broken = RecordedSink()
    broken.then = fail
    world.submit(sink=broken)
    other = world.submit()
    world.workers[0].work()
    world.workers[0].work()
    assert world.answered(other)
    assert "a defect of a dialect" in caplog.text


def test_a_result_of_no_job_is_a_breach_of_protocol() -> None:
    world = World(workers=1)
    world.submit()
    head = wire.encode_result_head(1, 1, wire.ANSWERED, 200, b"", b"", 1, True, 0)
    (frame,) = FrameReader().feed(head)
    with pytest.raises(wire.WireError, match="result of job 1 of 1"):
        world.dispatcher.worker_result(world.workers[0], frame)  # type: ignore[arg-type]  # a stand-in


# Which worker, and when.


def test_slow_jobs_never_wait_behind_one_worker_while_another_idles() -> None:
    """Two workers of 200 ms, any order of ends: a queued job goes to whoever is free first."""
    world = World(workers=2)
    one, two = world.workers
    for _ in range(2):
        world.submit()
    one.work(0.2)
    two.work(0.2)
    jobs = [world.submit() for _ in range(6)]
    assert [len(w.waiting) for w in world.workers] == [1, 1], "none ahead"
    one.begin()
    two.begin()
    for _ in range(3):
        one.finish(0.2)
        one.deliver()
        assert len(one.waiting) == 1
        one.begin()
    two.finish(0.2)
    two.deliver()
    assert [job for job in jobs if job in world.begun] == jobs[:5]
    two.begin()
    assert jobs[5] in world.begun


def test_nothing_goes_ahead_before_a_service_is_measured() -> None:
    world = World(workers=1)
    for _ in range(3):
        world.submit()
    assert len(world.sent) == 1


def test_nothing_goes_ahead_of_a_batch_that_takes_longer_than_measured() -> None:
    world = World(workers=1)
    world.submit()
    world.workers[0].work(0.001)
    world.submit()
    world.workers[0].begin()
    world.clock.advance(5)
    waiting = world.submit()
    assert len(world.sent) == 2
    other = world.add_worker()
    assert other.waiting[0].ids == [waiting], "a worker that comes takes it"


def test_a_job_sent_ahead_counts_as_queued() -> None:
    world = World(workers=1)
    world.submit()
    world.workers[0].work(0.001)
    for _ in range(3):
        world.submit()
    assert len(world.workers[0].waiting) == 3
    assert world.dispatcher.queued_jobs == 2


def test_partial_batches_sent_ahead_count_for_what_they_hold() -> None:
    world = World(Policy(batch_size=4, max_batch_delay_s=0.01), workers=1)
    world.submit()
    world.clock.advance(0.02)
    world.workers[0].work(0.005)
    for _ in range(2):
        world.submit()
        world.clock.advance(0.012)
    assert [sent.ids for sent in world.workers[0].waiting] == [[1], [2]]
    assert world.dispatcher.queued_jobs == 1


# Batches.


def test_a_batch_goes_when_it_is_full() -> None:
    world = World(Policy(batch_size=3), workers=1)
    for _ in range(2):
        world.submit()
    assert world.sent == []
    world.submit()
    assert [sent.ids for _, sent in world.sent] == [[0, 1, 2]]


def test_a_batch_goes_when_its_oldest_job_has_waited_long_enough() -> None:
    world = World(Policy(batch_size=3, max_batch_delay_s=0.1), workers=1)
    world.submit()
    world.clock.advance(0.06)
    world.submit()
    world.clock.advance(0.03)
    assert world.sent == []
    world.clock.advance(0.011)
    assert [sent.ids for _, sent in world.sent] == [[0, 1]]


def test_the_delay_of_a_job_that_came_back_is_its_own() -> None:
    """The timer was set for a younger job meanwhile."""
    world = World(Policy(batch_size=3, max_batch_delay_s=1.0), workers=1)
    for _ in range(3):
        world.submit()
    for gone in (1, 2):
        world.dispatcher.abandon(world.jobs[gone])
    world.clock.advance(0.5)
    world.add_worker()
    younger = world.submit()
    world.workers[0].die()  # it had begun nothing
    assert len(world.sent) == 1
    world.clock.advance(0.51)
    assert world.sent[-1][1].ids == [0, younger]


def test_expired_jobs_do_not_fill_a_batch() -> None:
    world = World(Policy(batch_size=2, max_batch_delay_s=1.0))
    world.submit(0.005)
    world.clock.advance(0.004)
    fresh = world.submit()
    world.clock.now += 0.002  # the timer of the first one is late
    world.add_worker()
    assert world.sent == []
    world.clock.advance(1.0)
    assert [sent.ids for _, sent in world.sent] == [[fresh]]
    world.check_books()


# Ends.


@pytest.mark.parametrize("timeout_s", [None, 3.0])
def test_a_job_that_cannot_begin_in_time_is_never_sent(timeout_s: float | None) -> None:
    world = World(Policy(queue_timeout_s=3.0), workers=1)
    world.submit()
    late = world.submit(timeout_s)
    world.clock.advance(3.1)
    assert isinstance(world.said(late), ServiceUnavailableError)
    assert str(world.said(late)).startswith("Request expired after 3.")
    world.workers[0].work(1.0)
    assert len(world.sent) == 1
    assert world.dispatcher.accounting.expired == 1
    world.check_books()


def test_until_a_first_worker_is_ready_the_startup_timeout_counts() -> None:
    world = World(Policy(queue_timeout_s=1.0, startup_timeout_s=50.0))
    early = world.submit()
    world.clock.advance(40)
    worker = world.add_worker()
    worker.work()
    assert world.answered(early)
    worker.die()
    late = world.submit()
    world.clock.advance(1.1)
    assert isinstance(world.said(late), ServiceUnavailableError)


def test_a_job_sent_ahead_expires_behind_a_head_that_hangs_and_is_never_run() -> None:
    world = World(Policy(queue_timeout_s=5.0, response_timeout_s=100.0), workers=1)
    worker = world.workers[0]
    world.submit()
    worker.work(0.001)
    head, behind = world.submit(), world.submit()
    assert len(worker.waiting) == 2
    worker.begin()
    world.clock.advance(5.1)
    assert isinstance(world.said(behind), ServiceUnavailableError)
    assert world.said(head) is None
    world.check_books()
    worker.finish(5.1)
    worker.deliver()
    worker.begin()
    worker.deliver()
    assert world.answered(head)
    assert behind not in world.begun
    assert worker.is_idle
    world.check_books()


def test_what_a_worker_has_begun_cannot_be_taken_back() -> None:
    world = World(Policy(queue_timeout_s=5.0), workers=1)
    worker = world.workers[0]
    world.submit()
    worker.work(0.001)
    world.submit()
    second = world.submit()
    worker.begin()
    worker.finish()  # the answer is on its way, and it goes on
    worker.begin()
    world.clock.advance(5.1)
    assert world.said(second) is None
    worker.finish(5.1)
    worker.deliver()
    assert world.answered(second)


def test_expired_results_say_nothing_of_the_service_time() -> None:
    world = World(workers=1)
    world.submit()
    world.workers[0].work(1.0)
    world.submit()
    world.workers[0].begin()
    world.workers[0].finish(0.0, wire.EXPIRED)
    world.workers[0].deliver()
    assert world.dispatcher.service_time.batch_s == pytest.approx(1.0)


def test_a_worker_that_does_not_answer_is_killed_once() -> None:
    world = World(Policy(response_timeout_s=2.0), workers=1)
    worker = world.workers[0]
    head = world.submit()
    behind = world.submit()
    worker.begin()
    world.clock.advance(1.99)
    seen = [worker.killed]
    world.clock.advance(0.02)
    seen.append(worker.killed)
    assert seen == [False, True]
    assert isinstance(world.said(head), WorkerError)
    worker.die()
    other = world.add_worker()
    other.work()
    assert world.answered(behind)
    assert world.begun[head] == [1]
    world.check_books()


def test_the_response_timeout_counts_from_the_end_of_the_batch_before() -> None:
    world = World(Policy(response_timeout_s=2.0), workers=1)
    worker = world.workers[0]
    world.submit()
    worker.work(0.001)
    world.submit()
    world.submit()
    assert len(worker.waiting) == 2
    worker.work(1.5)
    worker.begin()
    world.clock.advance(1.9)
    seen = [worker.killed]
    world.clock.advance(0.2)
    seen.append(worker.killed)
    assert seen == [False, True]


def test_a_client_that_hears_of_the_end_may_ask_again_at_once() -> None:
    """It is told before its worker is gone, and its next job must not go there."""
    world = World(Policy(response_timeout_s=1.0), workers=1)
    world.submit()
    world.workers[0].work(0.001)

    def ask_again() -> None:
        world.submit()

    sink = RecordedSink()
    sink.then = ask_again
    world.submit(sink=sink)
    world.workers[0].begin()
    world.clock.advance(1.1)
    assert len(world.jobs) == 3
    assert world.workers[0].killed
    assert len(world.sent) == 2
    world.check_books()


def test_an_abandoned_job_is_not_sent() -> None:
    world = World(workers=1)
    world.submit()
    gone = world.submit()
    world.dispatcher.abandon(world.jobs[gone])
    world.dispatcher.abandon(world.jobs[gone])
    world.workers[0].work()
    assert len(world.sent) == 1
    assert world.dispatcher.accounting.abandoned == 1
    world.check_books()


def test_closing_answers_what_waits_and_finishes_what_runs() -> None:
    world = World(workers=1)
    running, waiting = world.submit(), world.submit()
    world.dispatcher.close(ServiceUnavailableError("going"))
    assert str(world.said(waiting)) == "going"
    late = world.submit()
    assert str(world.said(late)) == "going"
    world.workers[0].work()
    assert world.answered(running)
    world.check_books()


def test_what_had_not_begun_at_a_worker_that_died_fails_when_closed() -> None:
    world = World(workers=1)
    job = world.submit()
    world.dispatcher.close(ServiceUnavailableError("going"))
    world.workers[0].die()
    assert str(world.said(job)) == "going"
    world.check_books()


def test_without_workers_to_come_jobs_are_refused() -> None:
    world = World()
    world.has_workers = False
    job = world.submit()
    assert "No worker is available" in str(world.said(job))
    assert world.dispatcher.accounting.refused == 1


# Deaths.


def test_only_what_had_begun_is_lost_with_a_worker() -> None:
    world = World(workers=1)
    world.submit()
    world.workers[0].work(0.0005)
    lost, *others = [world.submit() for _ in range(4)]
    worker = world.workers[0]
    worker.begin()
    worker.die()
    assert str(world.said(lost)) == "Worker died."
    world.check_books()
    successor = world.add_worker()
    while not successor.is_idle:
        successor.work()
    assert [world.answered(job) for job in others] == [True] * 3
    assert list(world.begun.values()) == [[1]] * 5, "nothing ran twice"
    assert world.dispatcher.accounting.requeued == 3


def test_what_a_worker_answered_before_its_death_counts() -> None:
    world = World(workers=1)
    job = world.submit()
    world.workers[0].begin()
    world.workers[0].finish()
    world.workers[0].die()
    assert world.answered(job)


def test_what_a_worker_had_answered_and_not_sent_counts() -> None:
    world = World(workers=1)
    world.submit()
    world.workers[0].work(0.0005)
    done, lost, waiting = [world.submit() for _ in range(3)]
    worker = world.workers[0]
    worker.begin()
    worker.finish()
    worker.begin()
    worker.die(sends=False)
    assert world.answered(done)
    assert str(world.said(lost)) == "Worker died."
    world.add_worker().work()
    assert world.answered(waiting)
    world.check_books()


def test_answers_held_back_behind_a_long_call_are_fetched_once() -> None:
    world = World(workers=1)
    world.submit()
    worker = world.workers[0]
    worker.work(0.0005)
    done, hanging = [world.submit() for _ in range(2)]
    worker.begin()
    worker.finish()
    worker.begin()
    world.clock.advance(0.019)
    assert not world.answered(done)
    world.clock.advance(0.022)
    assert world.answered(done)
    world.clock.advance(1.0)
    worker.finish()
    worker.deliver()  # both, for the process does not know what was fetched
    assert world.answered(hanging)
    world.check_books()


def test_what_lies_in_memory_and_cannot_be_read_is_lost_with_its_worker() -> None:
    world = World(workers=1)
    job = world.submit()
    worker = world.workers[0]
    worker.begin()
    worker.finish()
    worker._outbox = [bytes(100)]
    worker.die(sends=False)
    assert str(world.said(job)) == "Worker died."
    world.check_books()


def poisoned(policy: Policy, poison: int, jobs: int) -> World:
    """Serve jobs of which one kills whoever begins it."""
    world = World(policy, workers=1)
    for _ in range(jobs):
        world.submit()
    for _ in range(10 * jobs):
        world.clock.advance(1)
        worker = world.workers[0] if world.workers else world.add_worker()
        if worker.is_idle:
            continue
        worker.begin()
        if worker.executing is not None and poison in worker.executing.ids:
            worker.die()
        else:
            worker.finish()
            worker.deliver()
    world.check_books()
    return world


@pytest.mark.parametrize("poison", range(4))
def test_the_others_of_a_poisonous_batch_survive(poison: int) -> None:
    world = poisoned(Policy(batch_size=4), poison, 4)
    assert [world.answered(job) for job in range(4)] == [job != poison for job in range(4)]
    assert str(world.said(poison)) == "Worker died."
    assert world.begun[poison] == [4, 1]


def test_a_batch_is_not_retried_where_that_is_not_wanted() -> None:
    world = poisoned(Policy(batch_size=4, retry_batches=False), 2, 4)
    assert [str(world.said(job)) for job in range(4)] == ["Worker died."] * 4


def test_a_batch_that_took_too_long_is_not_retried() -> None:
    world = World(Policy(batch_size=2, response_timeout_s=1.0), workers=1)
    for _ in range(2):
        world.submit()
    world.workers[0].begin()
    world.clock.advance(1.1)
    world.workers[0].die()
    assert [str(world.said(job)) for job in range(2)] == ["Worker died."] * 2
    assert world.dispatcher.accounting.retried == 0


def test_retries_are_a_tenth_of_the_requests() -> None:
    """A model whose every batch kills its worker."""
    world = World(Policy(batch_size=10))
    for _ in range(100):
        worker = world.add_worker()
        for _ in range(10):
            world.submit()
        worker.begin()
        worker.die()
    books = world.dispatcher.accounting
    assert 0.09 * books.accepted < books.retried <= 10 + 0.1 * books.accepted
    world.check_books()


# Overload.


def test_a_service_that_becomes_ten_times_slower() -> None:
    """Arrivals at three times what it can do: soon nobody is let in who will not be served."""
    timeout_s, jobs_before = 1.0, 600
    world = World(Policy(queue_timeout_s=timeout_s), workers=1)
    worker = world.workers[0]
    next_arrival = world.clock.now

    def arrive_until(end: float, pause_s: float) -> None:
        nonlocal next_arrival
        while next_arrival <= end:
            world.clock.advance(max(0.0, next_arrival - world.clock.now))
            world.submit()
            next_arrival += pause_s
        world.clock.advance(max(0.0, end - world.clock.now))

    def serve(jobs: int, busy_s: float) -> None:
        for _ in range(jobs):
            if not worker.waiting:
                arrive_until(next_arrival, busy_s / 3)
            worker.begin()
            arrive_until(world.clock.now + busy_s, busy_s / 3)
            if worker.executing is not None:
                worker.finish(busy_s)
            worker.deliver()

    serve(jobs_before, 0.005)
    serve(100, 0.050)
    admitted_later = len(world.jobs)
    serve(300, 0.050)
    late = [n for n in range(admitted_later, len(world.jobs)) if n in world.begun]
    assert len(late) > 250
    waits = [world.begun_at[n] - world.jobs[n].arrived for n in late]
    assert max(waits) <= timeout_s
    assert max(waits) > timeout_s / 2, "it does not refuse more than it must"
    expired = [
        n
        for n in range(admitted_later, len(world.jobs))
        if str(world.said(n)).startswith("Request expired")
    ]
    assert expired == []
    refusal = world.said(len(world.jobs) - 1)
    assert isinstance(refusal, ServiceUnavailableError)
    assert refusal.retry_after_s == 1
    world.check_books()
