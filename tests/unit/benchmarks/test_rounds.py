"""Rounds go on without a server that no longer answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import rounds, wrk
from benchmarks.rounds import Plan
from benchmarks.servers import Server
from benchmarks.servers.limits import BARE, TWO_HOP

PLAN = Plan(connections=(2,), duration_s=1, rounds=1, warm_up_s=1, first_warm_up_s=1)


def test_the_budget_grows_with_servers_rounds_and_connections() -> None:
    one = PLAN.budget_s(1)
    assert PLAN.budget_s(3) == 3 * one
    assert Plan(connections=(2, 4), duration_s=1, rounds=1, warm_up_s=1).budget_s(1) > one


@pytest.mark.skipif(not wrk.is_installed(), reason="needs wrk")
def test_a_server_that_is_gone_is_left_out_and_noted(tmp_path: Path) -> None:
    alive, gone = (Server(each, tmp_path / each.name) for each in (BARE, TWO_HOP))
    skipped: dict[str, str] = {}
    try:
        alive.start()
        gone.start()
        gone.stop()
        samples = rounds.run(PLAN, [alive, gone], skipped)
    finally:
        alive.stop()
    assert [entry.server for entry in samples] == ["bare"]
    assert samples[0].measurement.cpu_s > 0
    assert list(skipped) == ["two-hop"]
