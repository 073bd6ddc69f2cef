"""What models cost that nobody asks."""

from __future__ import annotations

import time
import urllib.parse
from collections import defaultdict
from collections.abc import Sequence

from benchmarks import disturbance, processes, workload
from benchmarks.console import say
from benchmarks.cost.figure import Figure
from benchmarks.measure import settle
from benchmarks.servers import Server

MODELS = 10


def figures(running: Sequence[Server], duration_s: int) -> list[Figure]:
    """Give each server ten models with a worker each, and watch it alone. Raises OSError."""
    wakes: defaultdict[str, list[float]] = defaultdict(list)
    busy: defaultdict[str, list[float]] = defaultdict(list)
    for server in running:
        for number in range(1, MODELS):
            _register(server, f"idle{number}")
        settle(server)
        say(f"watching {server.name} for {duration_s} s")
        pids = server.pids()
        switches, spent = processes.context_switches(pids), processes.cpu_time(pids)
        time.sleep(duration_s)
        wakes[server.name].append((processes.context_switches(pids) - switches) / duration_s)
        busy[server.name].append(processes.cpu_time(pids).since(spent).total_s / duration_s * 100)
    what = f"{MODELS} idle models, all processes"
    return [
        Figure(f"{what}: wake-ups a second", wakes, "below 5"),
        Figure(f"{what}: % of a core", busy, "at most 0.2", digits=2),
    ]


def _register(server: Server, name: str) -> None:
    query = urllib.parse.urlencode(
        {"url": workload.MODEL, "model_name": name, "initial_workers": 1, "synchronous": "true"}
    )
    disturbance.ask("POST", f"{server.management_url}/models?{query}")
