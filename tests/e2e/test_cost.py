"""What `python -m benchmarks.cost` looks at, on a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import fleet
from benchmarks.cost import idle, management, memory
from benchmarks.cost.figure import Figure
from benchmarks.processes import command_line, is_worker
from benchmarks.servers import Server


@pytest.fixture
def running() -> Iterator[list[Server]]:
    with fleet.started(["ours"]) as servers:
        assert servers
        yield servers


def _titles(figures: list[Figure]) -> list[str]:
    return [figure.title for figure in figures if figure.samples["ours"]]


def test_a_server_that_rests_takes_memory(running: list[Server]) -> None:
    front_end, worker = memory.figures(running)
    assert front_end.samples["ours"][0] > worker.samples["ours"][0] > 0


def test_calls_are_timed_at_each_number_of_models(running: list[Server]) -> None:
    titles = _titles(management.figures(running, (1, 3)))
    operations = ("describe", "list", "register", "scale", "unregister")
    assert titles == [f"{each}, {n} registered: ms" for each in operations for n in (1, 3)]


def test_ten_models_are_watched_with_a_worker_each(running: list[Server]) -> None:
    assert len(_titles(idle.figures(running, duration_s=1))) == 2
    workers = [pid for pid in running[0].pids() if is_worker(command_line(pid))]
    assert len(workers) == idle.MODELS
