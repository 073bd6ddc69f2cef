"""What a call of the management API takes, by the number of models that are registered.

They have no workers: what is measured is the books.
"""

from __future__ import annotations

import time
import urllib.parse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks import disturbance, workload
from benchmarks.console import say
from benchmarks.cost.figure import Figure
from benchmarks.servers import Server

COUNTS = (1, 10, 100, 1_000)
_SAMPLES = 20
_REGISTERING = 4
"""Models that are registered at a time, while the number is brought to the next one."""

_EXTRA = "extra"
_Samples = defaultdict[tuple[str, int], dict[str, list[float]]]


def figures(running: Sequence[Server], counts: Sequence[int]) -> list[Figure]:
    """Measure each server at each number of models, in turn. Raises OSError."""
    samples: _Samples = defaultdict(dict)
    before = 1  # the model that it was started with
    for count in counts:
        for server in running:
            say(f"{server.name}: {count} models")
            _fill(server, range(before, count))
            for operation, milliseconds in _operations(server, count):
                samples[operation, count].setdefault(server.name, []).append(milliseconds)
        before = count
    return [
        Figure(f"{operation}, {count:,} registered: ms", of, "flat", digits=2)
        for (operation, count), of in sorted(samples.items())
    ]


def _fill(server: Server, numbers: Iterable[int]) -> None:
    with ThreadPoolExecutor(_REGISTERING) as threads:
        list(threads.map(lambda number: _register(server, f"model{number}"), numbers))


def _operations(server: Server, count: int) -> Iterator[tuple[str, float]]:
    url = server.management_url
    model = f"{url}/models/{workload.MODEL}"
    for _ in range(_SAMPLES):
        yield "register", _register(server, _EXTRA)
        yield "unregister", _timed("DELETE", f"{url}/models/{_EXTRA}")
        yield "list", _timed("GET", f"{url}/models")
        yield "describe", _timed("GET", model)
        yield "scale", _timed("PUT", f"{model}?min_worker=1&max_worker=1")


def _register(server: Server, name: str) -> float:
    query = urllib.parse.urlencode(
        {"url": workload.MODEL, "model_name": name, "initial_workers": 0}
    )
    return _timed("POST", f"{server.management_url}/models?{query}")


def _timed(method: str, url: str) -> float:
    """Send a request over a connection of its own; returns milliseconds. Raises OSError."""
    began_s = time.perf_counter()
    disturbance.ask(method, url)
    return (time.perf_counter() - began_s) * 1000
