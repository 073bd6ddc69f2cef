"""What is said to the person who waits."""

from __future__ import annotations

import pytest

from benchmarks.console import Progress, minutes


@pytest.mark.parametrize(
    ("duration_s", "text"), [(0.0, "0 s"), (89.4, "89 s"), (90.0, "2 min"), (720.0, "12 min")]
)
def test_durations(duration_s: float, text: str) -> None:
    assert minutes(duration_s) == text


def test_what_is_left_follows_from_what_went_by() -> None:
    now_s = 100.0
    progress = Progress(4, clock=lambda: now_s)
    now_s = 110.0
    assert progress.describe("one") == "[1/4, 30 s left] one"
    now_s = 180.0
    assert progress.describe("two") == "[2/4, 80 s left] two"


def test_more_steps_than_were_planned_leave_nothing() -> None:
    progress = Progress(1, clock=lambda: 0.0)
    progress.describe("one")
    assert progress.describe("two") == "[2/1, 0 s left] two"
