from __future__ import annotations

import json

import pytest

from benchmarks import guard, processes


@pytest.mark.parametrize(("now", "is_dearer"), [(1.0, False), (2.39, False), (2.41, True)])
def test_a_process_may_cost_a_fifth_more_than_was_recorded(now: float, is_dearer: bool) -> None:
    front_end, worker = guard.compare(
        {"front end": now, "worker": 1.0}, {"front end": 2.0, "worker": 1.0}
    )
    assert (front_end.is_dearer, worker.is_dearer) == (is_dearer, False)


def test_both_kinds_of_installation_are_recorded() -> None:
    records = json.loads(guard.RECORD.read_text())
    assert set(records) == {"interpreted", "compiled"}
    assert all(set(costs) == set(processes.PARTS) for costs in records.values())
