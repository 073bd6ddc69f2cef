"""`python -m benchmarks.registration`: what clients of one model notice while another is taken in.

The no-op model is loaded at a constant number of connections, in turn quiet and while an archive
is registered and unregistered over and over; the median p99 of each is compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import fleet, machine, table, workload, wrk
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.servers import Server
from benchmarks.servers.ours import Ours
from benchmarks.servers.properties import STORE
from benchmarks.wrk import Load

_ARCHIVE = "large.mar"
_MODEL = "large"
_BLOCK_BYTES = 1024 * 1024
_WARM_UP_S = 5
_TIMEOUT_S = 300.0


@dataclass(slots=True)
class Seen:
    """The loads of all rounds, and how many registrations were complete meanwhile."""

    quiet: list[Load] = field(default_factory=list)
    busy: list[Load] = field(default_factory=list)
    registrations: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if nothing was measured."""
    options = _parser().parse_args(arguments)
    here = machine.describe()
    with fleet.started([Ours.name]) as running:
        if not running:
            return 1
        (server,) = running
        say(f"writing an archive of {options.megabytes} MB")
        _write_archive(server.folder / STORE / _ARCHIVE, options.megabytes)
        try:
            seen = _measure(server, options)
        except (BenchError, OSError) as error:
            say(f"nothing was measured: {error}")
            return 1
    print(f"{here.processor}, {here.cores} cores, {here.kernel}; commit {here.commit}")
    print(
        f"{options.connections} connections, {options.rounds} rounds of {options.duration} s each, "
        f"in turn; {seen.registrations} registrations of {options.megabytes} MB meanwhile\n"
    )
    print("\n".join(_report(seen)))
    return 0


def _measure(server: Server, options: argparse.Namespace) -> Seen:
    seen = Seen()
    _load(server, options.connections, _WARM_UP_S)
    for _ in range(options.rounds):
        seen.quiet.append(_load(server, options.connections, options.duration))
        with _registering(server.management_url, seen):
            seen.busy.append(_load(server, options.connections, options.duration))
        say(f"p99 quiet {seen.quiet[-1].p99_ms:.2f} ms, busy {seen.busy[-1].p99_ms:.2f} ms")
    if not seen.registrations:
        raise BenchError("no registration was complete before the rounds were over")
    return seen


@contextmanager
def _registering(management_url: str, seen: Seen) -> Iterator[None]:
    """Register and unregister the archive in turn while the block runs. Raises BenchError."""
    is_over = threading.Event()
    failures: list[OSError] = []

    def run() -> None:
        try:
            while not is_over.is_set():
                _ask("POST", f"{management_url}/models?url={_ARCHIVE}&initial_workers=1")
                _ask("DELETE", f"{management_url}/models/{_MODEL}")
                seen.registrations += 1
        except OSError as error:  # an HTTP error status is one, too
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
    if failures:
        raise BenchError(f"a registration failed: {failures[0]}")


def _ask(method: str, url: str) -> None:
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        answer.read()


def _load(server: Server, connections: int, duration_s: int) -> Load:
    load = wrk.run(server.url, connections, duration_s, on_tick=lambda: None)
    if load.refused or load.broken:
        raise BenchError(f"{load.refused} answers were refused and {load.broken} broken")
    return load


def _write_archive(path: Path, megabytes: int) -> None:
    """Write a model whose weights, like real ones, hardly compress."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("MAR-INF/MANIFEST.json", workload.manifest(_MODEL))
        archive.writestr("service.py", workload.HANDLER)
        with archive.open("weights.bin", "w", force_zip64=True) as weights:
            for _ in range(megabytes * 1_000_000 // _BLOCK_BYTES):
                weights.write(os.urandom(_BLOCK_BYTES))


def _report(seen: Seen) -> list[str]:
    rows = []
    for title, of in (
        ("requests/s", lambda load: load.served_per_s),
        ("p50 ms", lambda load: load.p50_ms),
        ("p99 ms", lambda load: load.p99_ms),
    ):
        quiet, busy = (statistics.median(map(of, loads)) for loads in (seen.quiet, seen.busy))
        rows.append([title, f"{quiet:,.2f}", f"{busy:,.2f}", f"{busy / quiet:.2f}"])
    return table.render(["median", "quiet", "while registering", "ratio"], rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registration", description=__doc__)
    add = parser.add_argument
    add("--connections", type=int, default=100, help="kept alive at once (100)")
    add("--duration", type=int, default=10, metavar="SECONDS", help="of one measurement (10)")
    add("--rounds", type=int, default=3, help="of both (3)")
    add("--megabytes", type=int, default=500, help="size of the archive (500)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
