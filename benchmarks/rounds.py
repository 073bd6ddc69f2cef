"""Rounds of measurements, interleaved: every server once, then every server again.

What disturbs the machine for a minute then disturbs one round of all servers, and not all rounds of
one server; the median over the rounds drops it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import wrk
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.measure import Measurement, measure, settle
from benchmarks.servers import Server


@dataclass(slots=True, frozen=True)
class Plan:
    """How much to measure. `first_warm_up_s` is once a server, for Java compiles while it runs."""

    connections: tuple[int, ...] = (1, 100, 200)
    duration_s: int = 10
    rounds: int = 3
    warm_up_s: int = 2
    first_warm_up_s: int = 10


@dataclass(slots=True, frozen=True)
class Sample:
    """One measurement of one server in one round."""

    server: str
    connections: int
    round: int
    measurement: Measurement


def run(plan: Plan, servers: Sequence[Server]) -> list[Sample]:
    """Measure the started servers. One that stops answering is left out from there on."""
    samples: list[Sample] = []
    running = [server for server in servers if _is_warmed_up(server, plan)]
    for round_number in range(1, plan.rounds + 1):
        for connections in plan.connections:
            for server in list(running):
                sample = _sample(server, connections, round_number, plan)
                if sample is None:
                    running.remove(server)
                else:
                    samples.append(sample)
    return samples


def _is_warmed_up(server: Server, plan: Plan) -> bool:
    say(f"warming {server.name} up for {plan.first_warm_up_s} s")
    try:
        _warm_up(server, max(plan.connections), plan.first_warm_up_s)
    except BenchError as error:
        say(f"SKIPPED {server.name}: {error}")
        return False
    return True


def _sample(server: Server, connections: int, round_number: int, plan: Plan) -> Sample | None:
    try:
        _warm_up(server, connections, plan.warm_up_s)
        settle(server)
        measured = measure(server, connections, plan.duration_s)
        settle(server)
    except BenchError as error:
        say(f"DROPPED {server.name} in round {round_number} at {connections}: {error}")
        return None
    say(
        f"round {round_number}, {connections} connections, {server.name}: "
        f"{measured.load.served_per_s:,.0f} requests/s"
    )
    return Sample(server.name, connections, round_number, measured)


def _warm_up(server: Server, connections: int, duration_s: int) -> None:
    wrk.run(
        server.url,
        connections,
        duration_s,
        on_tick=lambda: None,
        body=server.body,
        headers=server.headers,
    )
