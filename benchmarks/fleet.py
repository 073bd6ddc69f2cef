"""The servers of one run: all started before the first measurement, all ended after the last.

They idle side by side, and only one is loaded at a time: starting them anew for each round would
take longer than measuring, and Java would be measured cold.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import servers
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.servers import Server


@contextmanager
def started(
    names: Iterable[str], skipped: MutableMapping[str, str] | None = None
) -> Iterator[list[Server]]:
    """Start the named servers, leaving out with a printed line each that cannot be started.

    Why is noted in `skipped`, by its name.
    """
    with made(lambda folder: servers.by_name(names, folder), skipped) as running:
        yield running


@contextmanager
def made(
    make: Callable[[Path], Iterable[Server]], skipped: MutableMapping[str, str] | None = None
) -> Iterator[list[Server]]:
    """Start the servers that `make` makes below a folder, as `started` does."""
    skipped = {} if skipped is None else skipped
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mms-bench-"))
        running = []
        for server in make(Path(folder)):
            stack.callback(server.stop)
            if _is_started(server, skipped):
                running.append(server)
        yield running


def _is_started(server: Server, skipped: MutableMapping[str, str]) -> bool:
    say(f"starting {server.name}")
    try:
        server.start()
    except BenchError as error:
        say(f"SKIPPED {server.name}: {error}")
        skipped[server.name] = str(error)
        return False
    return True
