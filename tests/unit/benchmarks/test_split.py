"""How a request's cost is parted."""

from __future__ import annotations

from benchmarks import split
from support.loads import load, sample


def test_rooms_of_both_processes_add_up_to_stages() -> None:
    front_end = {"http": 10.0, "api": 5.0, "serving": 7.0, "workers": 2.0, "metrics": 1.0}
    worker = {"worker loop": 20.0, "wire": 6.0, "handler": 0.5}
    assert split.by_stage([front_end, worker]) == {
        "HTTP": 15.0,
        "queue": 7.0,
        "wire": 28.0,
        "handler": 0.5,
        "other": 1.0,
    }


def test_steps_need_both_floors() -> None:
    samples = [sample("ours", 1, load(p50_ms=0.2)), sample("bare", 1, load(p50_ms=0.05))]
    assert split.steps(samples) == {}
    with_floor = [*samples, sample("two-hop", 100, load())]
    assert split.steps(with_floor) == {}


def test_the_table_ends_with_the_sum() -> None:
    *_, row = split.render("CPU", {"HTTP": 1.25, "queue": 2.5})
    assert [cell.strip() for cell in row.strip("|").split("|")] == ["us", "1.2", "2.5", "3.8"]
