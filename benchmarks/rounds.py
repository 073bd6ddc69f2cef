"""Rounds of measurements, interleaved: every server once, then every server again.

What disturbs the machine for a minute then disturbs one round of all servers, and not all rounds of
one server; the median over the rounds drops it.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

from benchmarks import wrk
from benchmarks.console import Progress, say
from benchmarks.errors import BenchError
from benchmarks.measure import Measurement, measure, settle
from benchmarks.servers import Server

START_S = 4.0
SETTLE_S = 0.7  # two looks at a server that rests, and wrk's own start


@dataclass(slots=True, frozen=True)
class Plan:
    """How much to measure. `first_warm_up_s` is once a server, for Java compiles while it runs."""

    connections: tuple[int, ...] = (1, 100, 200)
    duration_s: int = 6
    rounds: int = 3
    warm_up_s: int = 2
    first_warm_up_s: int = 10

    def budget_s(self, servers: int) -> float:
        """Return about how long that many servers take once they are installed."""
        once_s = START_S + self.first_warm_up_s
        samples = self.rounds * len(self.connections)
        return servers * (once_s + samples * (self.warm_up_s + self.duration_s + SETTLE_S))


@dataclass(slots=True, frozen=True)
class Sample:
    """One measurement of one server in one round."""

    server: str
    connections: int
    round: int
    measurement: Measurement


def run(
    plan: Plan, servers: Sequence[Server], skipped: MutableMapping[str, str] | None = None
) -> list[Sample]:
    """Measure the started servers. One that stops answering is left out from there on.

    Why is noted in `skipped`, by its name.
    """
    skipped = {} if skipped is None else skipped
    running = [server for server in servers if _is_warmed_up(server, plan, skipped)]
    progress = Progress(plan.rounds * len(plan.connections) * len(running))
    samples: list[Sample] = []
    for round_number in range(1, plan.rounds + 1):
        for connections in plan.connections:
            for server in list(running):
                where = f"round {round_number}, {connections} connections, {server.name}"
                try:
                    measured = _measure(server, connections, plan)
                except BenchError as error:
                    running.remove(server)
                    skipped[server.name] = f"left out from {where} on: {error}"
                    progress.show(f"DROPPED, {where}: {error}")
                    continue
                samples.append(Sample(server.name, connections, round_number, measured))
                progress.show(f"{where}: {measured.load.served_per_s:,.0f} requests/s")
    return samples


def _is_warmed_up(server: Server, plan: Plan, skipped: MutableMapping[str, str]) -> bool:
    say(f"warming {server.name} up for {plan.first_warm_up_s} s")
    try:
        _warm_up(server, max(plan.connections), plan.first_warm_up_s)
    except BenchError as error:
        say(f"SKIPPED {server.name}: {error}")
        skipped[server.name] = str(error)
        return False
    return True


def _measure(server: Server, connections: int, plan: Plan) -> Measurement:
    _warm_up(server, connections, plan.warm_up_s)
    settle(server)
    measured = measure(server, connections, plan.duration_s)
    settle(server)
    return measured


def _warm_up(server: Server, connections: int, duration_s: int) -> None:
    wrk.run(
        server.url,
        connections,
        duration_s,
        on_tick=lambda: None,
        body=server.body,
        headers=server.headers,
    )
