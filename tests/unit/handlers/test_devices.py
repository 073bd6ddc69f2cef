from __future__ import annotations

import pytest

from mms.handlers.devices import choose_device


@pytest.mark.parametrize(
    ("gpu_id", "gpus", "expected"), [(None, 0, None), (None, 4, None), (0, 1, 0), (3, 4, 3)]
)
def test_a_worker_uses_the_gpu_that_it_was_given(
    gpu_id: int | None, gpus: int, expected: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert choose_device(gpu_id, gpus, "Engine") == expected
    assert not caplog.records


@pytest.mark.parametrize("gpu_id", [0, 2])
def test_an_engine_without_gpus_runs_on_the_processor_and_says_so(
    gpu_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert choose_device(gpu_id, 0, "Engine") is None
    assert caplog.messages == [f"Engine sees no GPU: GPU {gpu_id} of this worker stays unused"]


def test_a_gpu_beyond_those_that_the_engine_sees_is_an_error() -> None:
    with pytest.raises(ValueError, match="given GPU 2, and Engine sees 2"):
        choose_device(2, 2, "Engine")
