"""`python -m benchmarks.registration`: what clients of one model notice while another is taken in.

An archive is registered and unregistered over and over.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import disturbance, workload
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.servers import Server
from benchmarks.servers.properties import STORE

_ARCHIVE = "large.mar"
_MODEL = "large"
_BLOCK_BYTES = 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if nothing was measured."""
    options = _parser().parse_args(arguments)
    return disturbance.run("ours", options, lambda server: _prepare(server, options.megabytes))


def _prepare(server: Server, megabytes: int) -> Registrations:
    say(f"writing an archive of {megabytes} MB")
    _write_archive(server.folder / STORE / _ARCHIVE, megabytes)
    return Registrations(server.management_url, megabytes)


class Registrations:
    """Registers and unregisters the archive in turn; `count` times so far."""

    column = "while registering"

    def __init__(self, management_url: str, megabytes: int) -> None:
        self.count = 0
        self._url = management_url
        self._megabytes = megabytes

    @property
    def meanwhile(self) -> str:
        """What was done in the disturbed rounds."""
        return f"{self.count} registrations of {self._megabytes} MB meanwhile"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Go on while the block runs. Raises BenchError if one fails or none was complete."""
        is_over = threading.Event()
        failures: list[OSError] = []
        before = self.count

        def run() -> None:
            try:
                while not is_over.is_set():
                    self._register()
            except OSError as error:  # an HTTP error status is one, too
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
        if failures or self.count == before:
            why = failures[0] if failures else "none was complete before the round was over"
            raise BenchError(f"a registration failed: {why}")

    def _register(self) -> None:
        disturbance.ask("POST", f"{self._url}/models?url={_ARCHIVE}&initial_workers=1")
        disturbance.ask("DELETE", f"{self._url}/models/{_MODEL}")
        self.count += 1


def _write_archive(path: Path, megabytes: int) -> None:
    """Write a model whose weights, like real ones, hardly compress."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("MAR-INF/MANIFEST.json", workload.manifest(_MODEL))
        archive.writestr("service.py", workload.HANDLER)
        with archive.open("weights.bin", "w", force_zip64=True) as weights:
            for _ in range(megabytes * 1_000_000 // _BLOCK_BYTES):
                weights.write(os.urandom(_BLOCK_BYTES))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.registration", description=__doc__)
    disturbance.add_options(parser)
    parser.add_argument("--megabytes", type=int, default=500, help="size of the archive (500)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
