from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mms_server.serving.service_time import ServiceTime


def test_the_first_measurement_counts_whole() -> None:
    service_time = ServiceTime()
    assert service_time.batch_s is None
    service_time.add(0.2)
    assert service_time.batch_s == 0.2


def test_a_step_is_known_after_twenty_batches() -> None:
    service_time = ServiceTime()
    for busy_s in [0.005] * 50 + [0.05] * 20:
        service_time.add(busy_s)
    assert service_time.batch_s == pytest.approx(0.005 + 0.045 * 0.93, rel=0.01)


@given(st.lists(st.floats(1e-6, 1e3), min_size=1))
def test_it_stays_within_what_was_measured(samples: list[float]) -> None:
    service_time = ServiceTime()
    for busy_s in samples:
        service_time.add(busy_s)
    assert service_time.batch_s is not None
    assert min(samples) * 0.999 <= service_time.batch_s <= max(samples) * 1.001
