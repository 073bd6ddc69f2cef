"""Throw what schemathesis can think of at both listeners of a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fuzz.models import GOOD, STORE, fill_store
from support.running_server import RunningServer, start_server

_TESTS = Path(__file__).parents[1]
_SETTINGS = {"queue_timeout": 1, "default_workers_per_model": 0}


@dataclass(frozen=True)
class Result:
    """What schemathesis found on one listener."""

    listener: str
    is_clean: bool
    report: str

    @property
    def cases(self) -> int:
        """How many requests it made up."""
        found = re.search(r"(\d+) generated", self.report)
        return int(found[1]) if found else 0

    @property
    def summary(self) -> str:
        """What it says at its end."""
        return self.report.rpartition("= SUMMARY =")[2].partition("\n")[2].strip()


def count_defects(server: RunningServer) -> int:
    """Count the server's own tracebacks; those of workers follow their label on the line."""
    return len(re.findall("^Traceback", server.log, re.MULTILINE))


def start_target(folder: Path) -> RunningServer:
    """Start a server with the models of a campaign, each ready.

    One is loaded at start: it is what `/invocations` means without a name.
    """
    store = folder / "store"
    store.mkdir()
    fill_store(store)
    server = start_server(folder, store=store, models=GOOD[:1], settings=_SETTINGS)
    for name in STORE:
        if name in GOOD[:1]:
            server.manage("PUT", f"/models/{name}?min_worker=1&synchronous=true")
        else:
            server.register(name, initial_workers=1)
    return server


def run(server: RunningServer, examples: int, phases: str, *, seed: int | None) -> list[Result]:
    """Run all checks on both listeners; without a seed the run is the same every time."""
    ports = {"inference": server.inference_port, "management": server.management_port}
    return [_run(server.folder, name, port, examples, phases, seed) for name, port in ports.items()]


def _run(
    folder: Path, listener: str, port: int, examples: int, phases: str, seed: int | None
) -> Result:
    command = [sys.executable, "-m", "schemathesis.cli"]
    command += ["--config-file", str(Path(__file__).parent / "schemathesis.toml")]
    command += ["run", f"http://127.0.0.1:{port}/openapi.json", "--no-color"]
    command += ["--checks", "all", "--max-examples", str(examples), "--phases", phases]
    command += ["--generation-deterministic"] if seed is None else ["--seed", str(seed)]
    environ = {**os.environ, "PYTHONPATH": str(_TESTS), "SCHEMATHESIS_HOOKS": "fuzz.hooks"}
    done = subprocess.run(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return Result(listener, done.returncode == 0, done.stdout.decode(errors="replace"))
