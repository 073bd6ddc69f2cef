"""`mms bench`: load a server at a rate of one's own choice, and see what comes of it."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import sys
from pathlib import Path
from urllib.parse import quote

from mms_server.errors import BadRequestError
from mms_server.load import Arrivals, Generator, Phase, Plan, Result, Schedule, Target, make_target
from mms_server.load.report import render
from mms_server.server import loop_factory, raise_file_limit

_SERVER = "http://127.0.0.1:8080"
_FILES_LEFT = 50
"""Files that the process needs beside its connections."""

_PROGRESS_S = 1.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "bench",
        help="load a server at a fixed rate; throughput, latency and refusals",
        description="Send requests when a schedule says, whether or not those before were "
        "answered, and tell what became of each. Latency counts from the intended start. Exit "
        "status 1 if nothing was answered.",
        epilog="example: mms bench efficientnet --body cat.png --rate 20 --duration 30",
    )
    add = parser.add_argument
    add(
        "target",
        metavar="URL|MODEL",
        help=f"an http:// URL, or a model of the server on {_SERVER}",
    )
    add("--rate", type=float, default=100.0, help="requests a second, on average (default: 100)")
    add("--duration", type=float, metavar="S", default=10.0, help="of the load (default: 10)")
    add(
        "--warm-up",
        type=float,
        metavar="S",
        default=1.0,
        help="sent at the same rate before, and not counted (default: 1)",
    )
    add(
        "--arrivals",
        type=Arrivals,
        choices=list(Arrivals),
        default=Arrivals.POISSON,
        help="as of independent users, or at equal distances (default: poisson)",
    )
    add("--seed", type=int, default=0, help="of the Poisson arrivals (default: 0)")
    add("--connections", type=int, metavar="N", default=100, help="kept open (default: 100)")
    add(
        "--timeout",
        type=float,
        metavar="S",
        default=10.0,
        help="for an answer, from the intended start (default: 10)",
    )
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--body", metavar="FILE", type=Path, help="what to post (else: a GET)")
    body.add_argument("--data", metavar="TEXT", help="the same, as text")
    add(
        "--content-type",
        metavar="TYPE",
        default="application/octet-stream",
        help="of what is posted (default: application/octet-stream)",
    )
    add("--header", metavar="LINE", action="append", default=[], help="as 'Name: value'")
    add("--json", metavar="FILE", type=Path, help="write all figures there, too")


def run(arguments: argparse.Namespace) -> int:
    """Load the server and print; returns the exit status. Raises MMSError."""
    _leave_room_for(arguments.connections)
    plan = Plan(
        _target(arguments),
        Schedule(_phases(arguments), arguments.arrivals, arguments.seed),
        arguments.connections,
        arguments.timeout,
    )
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        result = runner.run(_run(plan))
    if result is None:
        return 1
    measured = result.tallies[-1]
    print(render(plan, result, measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(result.to_document(), indent=2) + "\n")
    return 0 if measured.answered else 1


async def _run(plan: Plan) -> Result | None:
    """Run to the end or to Ctrl-C, which returns what there is: None before the first request."""
    generator = Generator(plan)
    loading = asyncio.create_task(generator.run())

    def interrupt() -> None:
        generator.stop()
        if not generator.sent:
            loading.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    progress = asyncio.create_task(_show_progress(generator))
    try:
        return await loading
    except asyncio.CancelledError:
        return None
    finally:
        progress.cancel()


async def _show_progress(generator: Generator) -> None:
    """Tell on standard error, every second, how far it is: on a terminal in one line."""
    end = "\r" if sys.stderr.isatty() else "\n"
    while True:
        await asyncio.sleep(_PROGRESS_S)
        print(f"{_describe(generator):<75}", end=end, file=sys.stderr, flush=True)


def _describe(generator: Generator) -> str:
    if not generator.sent:
        return "opening connections"
    return (
        f"{generator.elapsed_s:.0f} s: {generator.sent:,} sent, {generator.good:,} answered 2xx, "
        f"{generator.in_flight:,} on their way"
    )


def _target(arguments: argparse.Namespace) -> Target:
    text: str = arguments.target
    url = text if "://" in text else f"{_SERVER}/predictions/{quote(text)}"
    return make_target(url, _body(arguments), arguments.content_type, arguments.header)


def _body(arguments: argparse.Namespace) -> bytes | None:
    if arguments.data is not None:
        return str(arguments.data).encode()
    path: Path | None = arguments.body
    try:
        return None if path is None else path.read_bytes()
    except OSError as exc:
        raise BadRequestError(f"{path} cannot be read: {exc.strerror}.") from exc


def _phases(arguments: argparse.Namespace) -> tuple[Phase, ...]:
    measured = Phase(arguments.rate, arguments.duration)
    if not arguments.warm_up:
        return (measured,)
    return Phase(arguments.rate, arguments.warm_up), measured


def _leave_room_for(connections: int) -> None:
    raise_file_limit()
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if not 0 < connections <= limit - _FILES_LEFT:
        raise BadRequestError(
            f"--connections {connections}: this process may hold 1 to {limit - _FILES_LEFT}; "
            "`ulimit -Hn` is what bounds it."
        )
