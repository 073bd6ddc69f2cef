from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.serving.scaling import BUSY_SHARE, fall, rise

WORKERS = st.integers(1, 64)


@pytest.mark.parametrize(
    ("ready", "waiting", "most", "workers"),
    [
        pytest.param(1, 1, 8, 2, id="one more for one batch"),
        pytest.param(1, 90, 8, 2, id="twice as many at first"),
        pytest.param(2, 90, 8, 4, id="and again"),
        pytest.param(4, 1, 8, 5, id="not more than could have work"),
        pytest.param(4, 90, 6, 6, id="not more than allowed"),
        pytest.param(4, 0, 8, 5, id="one more where requests are refused, not queued"),
    ],
)
def test_up(ready: int, waiting: int, most: int, workers: int) -> None:
    assert rise(ready, waiting, most) == workers


@pytest.mark.parametrize(
    ("workers", "busy", "least", "left"),
    [
        pytest.param(8, 0.0, 1, 4, id="half of those without work"),
        pytest.param(2, 0.0, 1, 1, id="to the lower bound"),
        pytest.param(3, 0.0, 2, 2, id="not below the lower bound"),
        pytest.param(1, 0.0, 0, 1, id="the last one stays"),
        pytest.param(4, 2.0, 1, 3, id="those who stay have some time left"),
        pytest.param(4, 2.2, 1, 4, id="none when they would have too little"),
        pytest.param(4, 4.0, 1, 4, id="none of those that work all the time"),
    ],
)
def test_down(workers: int, busy: float, least: int, left: int) -> None:
    assert fall(workers, busy, least) == left


@given(WORKERS, st.integers(0, 1000), WORKERS)
def test_up_is_up_and_within_the_bound(ready: int, waiting: int, most: int) -> None:
    workers = rise(ready, waiting, max(ready, most))
    assert ready <= workers <= max(ready, most)
    assert workers > ready or ready >= most


@given(WORKERS, st.floats(0, 64), st.integers(0, 64))
def test_down_is_down_and_leaves_enough(workers: int, busy: float, least: int) -> None:
    left = fall(workers, busy, least)
    assert min(workers, max(least, 1)) <= left <= workers
    assert left == workers or busy <= left * BUSY_SHARE
    assert left >= workers / 2
