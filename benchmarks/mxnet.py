"""`python -m benchmarks.mxnet`: a real MXNet model, the same archive in this server and in MMS.

The zoo's EfficientNet-Lite0 classifies a photograph of a cat, a JPEG file. Both servers load the
archive as it is, with one worker on the same interpreter and packages: MMS in an environment that
holds it and MXNet, this server in the one that it makes of the archive's requirements. Either gives
MXNet one thread to compute with, unless OMP_NUM_THREADS says to both how many.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks import disturbance, fleet, machine, processes, rounds, table
from benchmarks.console import say
from benchmarks.errors import BenchError
from benchmarks.options import exit_on_sigterm, numbers
from benchmarks.report import Report
from benchmarks.rounds import Plan, Sample
from benchmarks.servers import Server
from benchmarks.servers.mms import Mms
from benchmarks.servers.ours import Ours
from benchmarks.servers.properties import STORE
from benchmarks.summary import by_cell
from mms_server.errors import MMSError
from mms_server.zoo.building import build
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file

_MODEL = "efficientnet_lite0_mxnet"
_CLASS = "Egyptian cat"
_QUALITY = 90
_HEADERS = {"Content-Type": "application/octet-stream"}
_TIMEOUT_S = 60.0
_PACKAGES = ("mxnet", "numpy", "pillow")
_VERSIONS = f"""
import importlib.metadata, platform
packages = [f"{{name}} {{importlib.metadata.version(name)}}" for name in {_PACKAGES}]
print(", ".join([f"Python {{platform.python_version()}}", *packages]))
"""


@dataclass(slots=True, frozen=True)
class Task:
    """The archive, and the picture that is classified, as files."""

    archive: Path
    picture: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status is 1 unless both servers were measured."""
    options = _parser().parse_args(arguments)
    exit_on_sigterm()
    plan = Plan(options.connections, options.duration, options.rounds)
    try:
        with tempfile.TemporaryDirectory(prefix="mms-bench-") as folder:
            report, workers = _run(plan, _prepare(Path(folder)))
    except (BenchError, MMSError) as error:
        say(f"nothing was measured: {error}")
        return 1
    print(report.to_markdown())
    print("\n".join(["", *_answers(report.samples), "", *_facts(workers)]))
    return 0


def _prepare(folder: Path) -> Task:
    archive = build(_MODEL, folder)
    picture = folder / "cat.jpg"
    decoded = Image.open(BytesIO(read_file(SAMPLES["cat"])))
    decoded.convert("RGB").save(picture, quality=_QUALITY)
    say(f"the picture is a JPEG of {decoded.width} x {decoded.height}: {picture.stat().st_size} B")
    return Task(archive, picture)


def _run(plan: Plan, task: Task) -> tuple[Report, Mapping[str, str]]:
    here = machine.describe()
    recipes = (
        Ours(settings=["allow_model_environments=true"]),
        Mms(packages=_requirements(task.archive)),
    )
    with fleet.made(lambda at: [Server(each, at / each.name) for each in recipes]) as running:
        if len(running) < len(recipes):
            raise BenchError("both servers are needed")
        for server in running:
            _load(server, task)
        workers = {server.name: _describe_worker(server) for server in running}
        samples = rounds.run(plan, running)
        versions = {server.name: server.version() for server in running}
    if len(samples) < len(recipes) * len(plan.connections) * plan.rounds:
        raise BenchError("a server did not last")
    return Report(here, versions, plan, samples), workers


def _requirements(archive: Path) -> list[str]:
    """Read what the archive itself asks for, so that both have the same."""
    with zipfile.ZipFile(archive) as content:
        lines = content.read("requirements.txt").decode().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _load(server: Server, task: Task) -> None:
    """Register the archive with one worker; from now on it is what the server is asked."""
    say(f"{server.name} loads the model; the first time, packages are installed")
    (server.folder / STORE / task.archive.name).write_bytes(task.archive.read_bytes())
    query = f"url={task.archive.name}&initial_workers=1&synchronous=true"
    server.url = f"{server.url.rpartition('/')[0]}/{_MODEL}"
    server.body = f"@{task.picture}"
    try:
        disturbance.ask("POST", f"{server.management_url}/models?{query}")
        request = urllib.request.Request(server.url, task.picture.read_bytes(), _HEADERS)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            best = json.load(answer)[0]
    except OSError as error:  # an HTTP error status is one, too
        raise BenchError(f"{server.name} does not serve the model: {error}") from error
    if best["class"] != _CLASS:
        raise BenchError(f"{server.name} takes the cat for: {best}")


def _describe_worker(server: Server) -> str:
    """Look at the process that has MXNet: its packages and threads."""
    for pid in server.pids():
        if "libmxnet" in Path(f"/proc/{pid}/maps").read_text():
            python = processes.command_line(pid).split()[0]
            command = [python, "-I", "-c", _VERSIONS]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
            return f"{said.strip()}; {threads} threads in all"
    raise BenchError(f"no process of {server.name} has MXNet")


def _answers(samples: Sequence[Sample]) -> list[str]:
    """Count what was answered and what failed over all rounds."""
    rows = []
    for (server, connections), seen in by_cell(samples).items():
        answered = sum(each.load.requests - each.load.refused for each in seen)
        failed = sum(each.load.refused + each.load.broken for each in seen)
        rows.append([str(connections), server, f"{answered:,}", f"{failed:,}"])
    return table.render(["connections", "server", "answered in all rounds", "failed"], rows)


def _facts(workers: Mapping[str, str]) -> list[str]:
    return [f"- worker of {name}: {described}" for name, described in workers.items()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mxnet", description=__doc__)
    add = parser.add_argument
    add("--connections", type=numbers, default=(1, 10, 100), help="kept alive (1,10,100)")
    add("--duration", type=int, default=20, metavar="SECONDS", help="of one measurement (20)")
    add("--rounds", type=int, default=3, help="of both servers (3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
