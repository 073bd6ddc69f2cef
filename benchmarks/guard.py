"""`python -m benchmarks.guard`: whether the way of a no-op request has become dearer.

Counts the instructions that the front end and the worker execute for a request, in yardsticks, and
compares them with what was recorded. Unlike a time, such a ratio does not depend on what else the
machine does. Of an interpreted request path it is the same within a tenth on all builds of Python
that were tried, from 3.11 to 3.13; a compiled one has a record of its own.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import fleet, processes, stepping, table, workload
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm
from benchmarks.servers import Server
from mms_server.http import connection

LIMIT = 1.2
"""How many times what was recorded a request may cost."""

RECORD = Path(__file__).with_suffix(".json")
_YARDSTICK = Path(__file__).with_name("yardstick.py")
_TIMES = 2
_WARM_UP = 2_000  # requests: by then Python has specialised what it executes, see PEP 659
_YARDSTICK_WARM_UP = 200
_TIMEOUT_S = 60.0
_BLOCK_BYTES = 65_536

Yardsticks = dict[str, float]
"""What a request costs, by the title of the process."""


@dataclass(slots=True, frozen=True)
class Comparison:
    """What a request costs one process, now and when it was recorded, in yardsticks."""

    process: str
    now: float
    recorded: float

    @property
    def ratio(self) -> float:
        """How many times what was recorded it costs."""
        return self.now / self.recorded

    @property
    def is_dearer(self) -> bool:
        """Say whether it costs more than it may."""
        return self.ratio > LIMIT


def compare(now: Yardsticks, recorded: Yardsticks) -> list[Comparison]:
    """Compare process by process."""
    return [Comparison(title, now[title], recorded[title]) for title in processes.PARTS]


def measure(server: Server, times: int = _TIMES) -> Yardsticks:
    """Count a started server's requests, each process in turn. Raises BenchError.

    The cheapest of them counts: in another one, garbage may have been collected.
    """
    unit = _yardstick(times)
    with _asking(server) as ask:
        for _ in range(_WARM_UP):
            ask()
        return {
            title: _fewest(processes.find(title, server.pids()), ask, times) / unit
            for title in processes.PARTS
        }


def read_record() -> Yardsticks:
    """Return what is recorded for this kind of installation."""
    return _read_records()[_kind()]


def write_record(now: Yardsticks) -> None:
    """Replace what is recorded for this kind of installation."""
    shown = {title: round(yardsticks, 3) for title, yardsticks in now.items()}
    RECORD.write_text(json.dumps({**_read_records(), _kind(): shown}, indent=2) + "\n")


def _read_records() -> dict[str, Yardsticks]:
    records: dict[str, Yardsticks] = json.loads(RECORD.read_text())
    return records


def _kind() -> str:
    return "interpreted" if connection.__file__.endswith(".py") else "compiled"


def _fewest(pid: int, ask: stepping.Ask, times: int) -> int:
    return min(stepping.count(pid, ask, times))


def _yardstick(times: int) -> int:
    """Count the instructions of one yardstick in the interpreter that runs this."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, str(_YARDSTICK)]
    with theirs:
        process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno())
    with process, ours:
        ours.settimeout(_TIMEOUT_S)

        def ask() -> None:
            ours.sendall(b"\n")
            if not ours.recv(_BLOCK_BYTES):
                raise ConnectionError("the yardstick ended")

        for _ in range(_YARDSTICK_WARM_UP):
            ask()
        return _fewest(process.pid, ask, times)


@contextmanager
def _asking(server: Server) -> Iterator[stepping.Ask]:
    """Connect to a server; each call sends one request and waits for its answer."""
    url = urllib.parse.urlsplit(server.url)
    request = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        "Content-Type: application/octet-stream\r\n"
        f"Content-Length: {len(server.body)}\r\n\r\n{server.body}"
    ).encode()
    end = f"\r\n\r\n{workload.ANSWER}".encode()
    address = (url.hostname or "", url.port or 0)
    with socket.create_connection(address, timeout=_TIMEOUT_S) as client:

        def ask() -> None:
            client.sendall(request)
            answer = b""
            while not answer.endswith(end):
                block = client.recv(_BLOCK_BYTES)
                if not block:
                    raise ConnectionError(f"{server.name} closed the connection")
                answer += block

        yield ask


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print or record; the exit status is 1 if a request has become dearer."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    try:
        with fleet.started(["ours"]) as running:
            if not running:
                return 1
            now = measure(running[0])
        if options.record:
            write_record(now)
        seen = compare(now, read_record())
    except BenchError as error:
        say(f"nothing was compared: {error}")
        return 1
    print("\n".join(_report(seen)))
    return int(any(each.is_dearer for each in seen))


def _report(seen: Sequence[Comparison]) -> list[str]:
    rows = [
        [each.process, f"{each.now:.3f}", f"{each.recorded:.3f}", f"{each.ratio:.3f}"]
        for each in seen
    ]
    return table.render([_kind(), "yardsticks a request", "recorded", "ratio"], rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="what later runs are compared with")
    return parser


if __name__ == "__main__":
    sys.exit(main())
