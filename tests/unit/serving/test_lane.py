from __future__ import annotations

import pytest

from mms_server.serving.batch import Batch
from mms_server.serving.job import Job
from mms_server.serving.lane import Backend, Lane, choose_lane
from support.jobs import job_head
from support.simulation import RecordedSink, StandIn, World

NOW = 50.0


def make_lane(batches: int, *, size_bytes: int = 1) -> Lane:
    lane = Lane(StandIn(World(), "W"))  # type: ignore[arg-type]  # a stand-in
    for number in range(1, batches + 1):
        job = Job(b"id", job_head(size_bytes), [], RecordedSink())
        job.deadline = NOW + number
        lane.add(Batch(number, [job]), NOW)
    return lane


def by_worker(lanes: list[Lane]) -> dict[Backend, Lane]:
    return {lane.worker: lane for lane in lanes}


def window(batch_s: float | None, *, size_bytes: int = 1) -> int:
    """Count how many batches may wait behind the one that is executed."""
    batches = 1
    while make_lane(batches, size_bytes=size_bytes).has_room(batch_s, NOW):
        batches += 1
        assert batches < 10_000
    return batches - 1


@pytest.mark.parametrize(
    ("batch_s", "ahead"),
    [
        pytest.param(None, 0, id="unmeasured"),
        pytest.param(0.0001, 20, id="2 ms of the quickest"),
        pytest.param(0.0009, 2, id="two of 0.9 ms"),
        pytest.param(0.001, 2, id="two of 1 ms"),
        pytest.param(0.0011, 1, id="one of 1.1 ms"),
        pytest.param(0.0019, 1, id="one of 1.9 ms"),
        pytest.param(0.002, 1, id="one of 2 ms"),
        pytest.param(0.019, 1, id="one of 19 ms"),
        pytest.param(0.020, 1, id="one of 20 ms"),
        pytest.param(0.0201, 0, id="none of more"),
        pytest.param(60.0, 0, id="none of a minute"),
    ],
)
def test_how_much_may_wait_at_a_worker(batch_s: float | None, ahead: int) -> None:
    assert window(batch_s) == ahead


@pytest.mark.parametrize("batch_s", [None, 0.0001, 1.0])
def test_an_idle_worker_has_room(batch_s: float | None) -> None:
    lane = make_lane(0)
    assert lane.is_idle
    assert lane.has_room(batch_s, NOW)


def test_large_bodies_do_not_pile_up() -> None:
    assert window(0.0001, size_bytes=100 * 1024) == 2
    assert window(0.0001, size_bytes=256 * 1024) == 0


def test_nothing_waits_behind_a_batch_that_takes_longer_than_measured() -> None:
    lane = make_lane(1)
    assert lane.has_room(0.001, NOW + 0.019)
    assert not lane.has_room(0.001, NOW + 0.021)
    lane.add(Batch(2, make_lane(1).batches[0].jobs), NOW + 0.01)
    lane.pop_head(NOW + 5)
    assert lane.has_room(0.001, NOW + 5), "the next one has only begun"


def test_bytes_are_counted_while_they_are_here() -> None:
    lane = make_lane(3, size_bytes=7)
    assert lane.size_bytes == 21
    for _ in range(3):
        lane.pop_head(NOW)
    assert (lane.size_bytes, lane.is_idle) == (0, True)


def test_only_what_is_next_and_too_late_is_withdrawn() -> None:
    lane = make_lane(4)  # batch n must begin before NOW + n
    ahead = lane.jobs_ahead()
    assert [job.deadline for job in ahead] == [NOW + 2, NOW + 3, NOW + 4]
    assert lane.withdraw_expired(NOW + 1.5) == []
    assert lane.withdraw_expired(NOW + 3) == ahead[:2]
    assert lane.worker.withdraw(0) == 0
    ahead[0].deadline = NOW + 100
    assert lane.withdraw_expired(NOW + 10) == [], "it would have to skip one that is in time"


def test_what_has_begun_is_not_withdrawn() -> None:
    lane = make_lane(3)
    stand_in = lane.worker
    assert isinstance(stand_in, StandIn)
    stand_in.begun = 2
    assert lane.withdraw_expired(NOW + 10) == []
    assert stand_in.withdrawn == 3, "the worker will answer it as expired"


@pytest.mark.parametrize(
    ("waiting", "batch_s", "chosen"),
    [
        pytest.param([], None, None, id="nobody is there"),
        pytest.param([1, 0, 0], 0.0001, 1, id="a core is free: the idle one"),
        pytest.param([1, 1, 0], 0.0001, 0, id="none is free: behind what is soon done"),
        pytest.param([2, 1, 0], 0.0001, 1, id="behind the least"),
        pytest.param([2, 2, 0], 0.0001, 0, id="that takes as long as to wake another"),
        pytest.param([3, 3, 0], 0.0001, 2, id="that takes longer"),
        pytest.param([1, 1, 0], 0.001, 2, id="one that takes longer by itself"),
        pytest.param([1, 1, 0], None, 2, id="nobody knows how long"),
        pytest.param([3, 3, 2], 0.0001, 2, id="nobody is idle: behind the least"),
    ],
)
def test_who_gets_the_next_batch(
    waiting: list[int], batch_s: float | None, chosen: int | None
) -> None:
    lanes = [make_lane(batches) for batches in waiting]
    lane = choose_lane(by_worker(lanes), batch_s, NOW, cores=2)
    assert lane is (None if chosen is None else lanes[chosen])


def test_a_worker_that_takes_no_work_is_not_chosen() -> None:
    lanes = [make_lane(0), make_lane(1)]
    lanes[0].link.takes_work = False
    assert choose_lane(by_worker(lanes), 0.0001, NOW, cores=1) is lanes[1]


def test_nobody_waits_behind_a_batch_that_already_took_longer() -> None:
    lanes = [make_lane(1), make_lane(0)]
    assert choose_lane(by_worker(lanes), 0.0001, NOW + 1.0, cores=1) is lanes[1]
