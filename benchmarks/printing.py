"""`python -m benchmarks.printing`: what clients of one model notice while another one prints.

A model prints lines at a constant rate for as long as it is registered. Logs are as they are by
default; a round is disturbed by the printing worker's own use of a processor, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import disturbance, fleet, workload
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.servers.properties import STORE

_MODEL = "printer"

_HANDLER = '''"""Print lines at a rate, from a thread."""

import os
import threading
import time

_LINE = b"x" * 99 + b"\\n"
_BLOCK = _LINE * 500  # 50 kB


def _print(rate):
    due = time.monotonic()
    while True:
        os.write(1, _BLOCK)
        due += len(_BLOCK) / rate
        time.sleep(max(0.0, due - time.monotonic()))


threading.Thread(target=_print, args=(@RATE@,), daemon=True).start()


def handle(data, context):
    return ["OK"] * len(data) if data else None
'''


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 if nothing was measured."""
    options = _parser().parse_args(arguments)
    with fleet.started(["ours-logs"]) as running:
        if not running:
            return 1
        (server,) = running
        _write_model(server.folder / STORE / _MODEL, options.megabytes_per_s)
        url = server.management_url

        @contextmanager
        def printing() -> Iterator[None]:
            disturbance.ask("POST", f"{url}/models?url={_MODEL}&initial_workers=1")
            try:
                yield
            finally:
                disturbance.ask("DELETE", f"{url}/models/{_MODEL}")

        try:
            seen = disturbance.measure(server, options, printing)
        except (BenchError, OSError) as error:
            say(f"nothing was measured: {error}")
            return 1
    meanwhile = f"a worker of another model prints {options.megabytes_per_s} MB/s meanwhile"
    print(disturbance.report(seen, options, "while printing", meanwhile))
    return 0


def _write_model(folder: Path, megabytes_per_s: int) -> None:
    manifest = folder / "MAR-INF" / "MANIFEST.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(workload.manifest(_MODEL))
    code = _HANDLER.replace("@RATE@", str(megabytes_per_s * 1_000_000))
    (folder / "service.py").write_text(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.printing", description=__doc__)
    disturbance.add_options(parser)
    parser.add_argument("--megabytes-per-s", type=int, default=50, help="what is printed (50)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
