"""How long a server takes from its start to its first answer, which needs a loaded worker."""

from __future__ import annotations

import compileall
import importlib.util
from collections import defaultdict
from pathlib import Path

from benchmarks import fleet
from benchmarks.console import Progress
from benchmarks.cost.figure import Figure
from benchmarks.servers import NAMES


def figures(names: tuple[str, ...], rounds: int) -> list[Figure]:
    """Start the servers in turn, `rounds` times; files are in the disk cache after the first."""
    _compile()
    progress = Progress((rounds + 1) * len(names))
    samples: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name in (name for name in NAMES if name in names):
            with fleet.started([name]) as running:
                for server in running:
                    progress.show(f"{name} answered after {server.start_s:.2f} s")
                    if number:
                        samples[name].append(server.start_s)
    return [Figure("cold start to the first answer: s", samples, "a quarter of MMS's", digits=2)]


def _compile() -> None:
    """Write this server's bytecode, as installing a wheel does."""
    for package in ("mms", "mms_server"):
        found = importlib.util.find_spec(package)
        for folder in (found and found.submodule_search_locations) or ():
            compileall.compile_dir(Path(folder), quiet=1)
