"""Loads at a rate of our choice: the generator of `mms bench`, in this process.

It shares the processors with the servers. Limits on open files are raised before a server is
started, which inherits them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from benchmarks.errors import BenchError
from benchmarks.servers import Server
from mms_server.errors import MMSError
from mms_server.load import Generator, Phase, Plan, Result, Schedule, make_target
from mms_server.load.pool import OPENED_PER_S
from mms_server.server import loop_factory


def run(
    server: Server,
    phases: Sequence[Phase],
    connections: int,
    timeout_s: float,
    on_phase: Callable[[int], None] | None = None,
) -> Result:
    """Send the workload's request to a server, at Poisson times. Raises BenchError."""
    target = make_target(server.url, server.body.encode(), headers=server.headers)
    plan = Plan(target, Schedule(tuple(phases)), connections, timeout_s)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            return runner.run(Generator(plan, on_phase=on_phase).run())
        except MMSError as error:
            raise BenchError(f"{server.name} cannot be loaded: {error}") from error


def describe(timeout_s: float) -> str:
    """Say how the generator asks."""
    return (
        "load: that of `mms bench`, on the same machine; Poisson arrivals, connections opened at "
        f"{OPENED_PER_S:,} a second, timeout {timeout_s:g} s; latency from the intended start"
    )
