"""`python -m benchmarks.printing`: what clients of one model notice while another one prints.

A model prints lines at a constant rate for as long as it is registered. Logs are as they are by
default; a round is disturbed by the printing worker's own use of a processor, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks import disturbance, workload
from benchmarks.servers import Server
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
    rate = options.megabytes_per_s
    return disturbance.run("ours-logs", options, lambda server: Printing(server, rate))


class Printing:
    """A model whose worker prints."""

    column = "while printing"

    def __init__(self, server: Server, megabytes_per_s: int) -> None:
        self.meanwhile = f"a worker of another model prints {megabytes_per_s} MB/s meanwhile"
        self._url = server.management_url
        code = _HANDLER.replace("@RATE@", str(megabytes_per_s * 1_000_000))
        workload.write_model(server.folder / STORE, _MODEL, code)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have it registered while the block runs."""
        disturbance.ask("POST", f"{self._url}/models?url={_MODEL}&initial_workers=1")
        try:
            yield
        finally:
            disturbance.ask("DELETE", f"{self._url}/models/{_MODEL}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.printing", description=__doc__)
    disturbance.add_options(parser)
    parser.add_argument("--megabytes-per-s", type=int, default=50, help="what is printed (50)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
