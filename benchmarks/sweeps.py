"""What is varied for the curves, and how a server is brought to a value of it.

One thing is varied at a time; the rest stays as in the overhead of a request: a no-op model, one
worker, logs off.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import disturbance, processes, sleeper, workload
from benchmarks.errors import BenchError
from benchmarks.servers import Server
from benchmarks.servers.limits import BARE
from benchmarks.servers.mms import Mms
from benchmarks.servers.ours import Ours
from benchmarks.servers.recipe import Recipe

_CONNECTIONS = 100
_REGISTERING = 4
"""Models that are registered at a time."""

_MEMORY_LEFT = 2 * 2**30
"""Bytes that no sweep may take from the machine."""


@dataclass(slots=True, frozen=True)
class Asking:
    """How a server is loaded at one point."""

    connections: int = _CONNECTIONS
    body: str = workload.BODY
    paths: Sequence[str] = ()

    @property
    def ramp_s(self) -> int:
        """How much longer than usual to load, so that connecting hardly counts."""
        return self.connections // 1_000


@dataclass(slots=True, frozen=True)
class Sweep:
    """One curve: its title, what is varied, and over which values.

    `reach` brings a server to a value. It raises BenchError if it cannot, and the server is then
    not brought to any larger one. `extra_s` is about what all of that takes beside the loads.
    """

    name: str
    title: str
    x: str
    values: Sequence[int]
    recipes: Sequence[Recipe]
    reach: Callable[[Server, int], Asking]
    extra_s: float = 0.0
    has_zero: bool = field(default=False)


def all_sweeps() -> list[Sweep]:
    """Return the sweeps in the order of the documentation."""
    return [_connections(), _bodies(), _workers("noop"), _workers(sleeper.NAME), _models()]


def _connections() -> Sweep:
    # Twice as many may wait as there are connections: a refusal would cost MMS little.
    return Sweep(
        "connections",
        "No-op predictions, one worker, by connections",
        "connections",
        (1, 10, 100, 1_000, 5_000, 10_000),
        (Ours(), Mms(settings=["job_queue_size=20000"]), BARE),
        lambda server, value: Asking(connections=value),
    )


def _bodies() -> Sweep:
    settings = ["max_request_size=200000000"]
    return Sweep(
        "body-size",
        "No-op predictions, one worker, 4 connections, by size of the body",
        "bytes",
        (0, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000),
        (Ours(settings=settings), Mms(settings=settings), BARE),
        _with_body,
        has_zero=True,
    )


def _with_body(server: Server, size: int) -> Asking:
    path = server.folder / "body"
    path.write_bytes(bytes(size))
    return Asking(connections=4, body=f"@{path}")


def _workers(model: str) -> Sweep:
    sleeping = f"Predictions that sleep {sleeper.SLEEP_MS} ms"
    what = {"noop": "No-op predictions", sleeper.NAME: sleeping}[model]
    return Sweep(
        f"workers-{model}",
        f"{what}, {_CONNECTIONS} connections, by workers",
        "workers",
        (1, 2, 4, 8, 16, 32, 64),
        (Ours(), Mms(settings=["job_queue_size=1000"])),
        lambda server, value: _with_workers(server, model, value),
        extra_s=45,
    )


def _with_workers(server: Server, model: str, count: int) -> Asking:
    if model == sleeper.NAME:
        sleeper.serve(server)
    _leave_memory(server, count)
    counts = f"min_worker={count}&max_worker={count}"
    _ask(server, "PUT", f"/models/{model}?{counts}&synchronous=true")
    return Asking(paths=[f"/predictions/{model}"])


def _models() -> Sweep:
    return Sweep(
        "models",
        f"No-op predictions of many models in turn, a worker each, {_CONNECTIONS} connections",
        "models",
        (1, 10, 100, 1_000),
        (Ours(), Mms()),
        _with_models,
        extra_s=150,
    )


def _with_models(server: Server, count: int) -> Asking:
    names = [f"{workload.MODEL}{number}" for number in range(count)]
    listed = server.folder / "registered"
    present = set(listed.read_text().split()) if listed.exists() else set()
    missing = [name for name in names if name not in present]
    _leave_memory(server, len(present) + len(missing))
    with ThreadPoolExecutor(_REGISTERING) as threads:
        list(threads.map(lambda name: _register(server, name), missing))
    listed.write_text("\n".join(names))
    return Asking(paths=[f"/predictions/{name}" for name in names])


def _register(server: Server, name: str) -> None:
    query = urllib.parse.urlencode(
        {"url": workload.MODEL, "model_name": name, "initial_workers": 1, "synchronous": "true"}
    )
    _ask(server, "POST", f"/models?{query}")


def _leave_memory(server: Server, workers: int) -> None:
    """Raise BenchError if that many workers do not fit into memory, as large as the last one is."""
    pids = server.pids()
    more = workers - sum(processes.is_worker(processes.command_line(pid)) for pid in pids)
    needed = max(more, 0) * processes.memory_bytes(pids[-1:])
    if needed > available_bytes() - _MEMORY_LEFT:
        raise BenchError(f"{workers} workers do not fit: {more} more take {needed / 2**30:.0f} GiB")


def available_bytes() -> int:
    """Return what the kernel thinks can still be had (proc_meminfo(5), MemAvailable)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def _ask(server: Server, method: str, path: str) -> None:
    try:
        disturbance.ask(method, server.management_url + path)
    except OSError as error:  # an HTTP error status is one, too
        raise BenchError(f"{server.name} does not do {method} {path}: {error}") from error
