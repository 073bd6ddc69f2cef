"""Commands run against both servers' programs: what they print, how they end, what they leave."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.servers.ports import free_ports
from benchmarks.servers.server import without_python
from parity.case import Case, Setup, Step
from parity.client import Client
from parity.places import fill_text, hide
from parity.servers import lay_out
from support.running_server import wait_until

_LIMIT_S = 90.0


@dataclass(frozen=True)
class Run:
    """Run a program to its end; `{folder}` and the like are filled in everywhere.

    What is observed is its exit status and its lines, but for logs and usage.
    """

    program: str
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Listen:
    """Wait until somebody listens on a port (`inference` or `management`), or nobody does."""

    port: str = "management"
    up: bool = True


@dataclass(frozen=True)
class Look:
    """Observe a file: a folder's or an archive's entries with its manifest, or a file's text."""

    path: str


@dataclass(frozen=True)
class Scenario:
    """Steps in an empty folder that holds `files`, a `store` of the models, and `tmp`."""

    id: str
    claims: tuple[str, ...]
    steps: tuple[Run | Listen | Look | Step, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    departures: Mapping[int, str] = field(default_factory=dict)
    """By the place of the observation: the difference that explains it."""
    ours: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """What this server is observed to do instead, for each departure."""


Observation = dict[str, Any]

# A launcher that waits for its server shows the server's lines, too, and one that does not may.
_DUMP = (
    "MMS Home|Current directory|Temp directory|Number of .PUs|Max heap size|Python executable|"
    "Config file|Inference address|Management address|Model Store|Initial Models|Log dir|"
    "Metrics dir|Netty threads|Netty client threads|Default workers per model|Blacklist Regex|"
    "Maximum Response Size|Maximum Request Size|Preload model|"
    "Prefer direct buffer"
)
_LOGGED = re.compile(
    rf"\d{{4}}-\d\d-\d\d|\s+at |java\.|Caused by|WARNING: sun\.reflect|({_DUMP}): |"
    "Model server started"
)
_USAGE = re.compile(r"usage: |\s{10,}")  # this server's commands have more options
_VARYING = [
    (re.compile(r"\[('\w\.onnx'(, )?)+\]"), "<files>"),  # in the order of the folder's entries
    (re.compile(r"\b[0-9a-f]{40}\b"), "<digest>"),
]


def observe(scenario: Scenario, programs: Path, folder: Path) -> list[Observation]:
    """Take the steps with the programs of a folder; everything that was started is ended."""
    inference_port, management_port = free_ports(2)
    places = {"folder": str(folder), "inference": str(inference_port)}
    places["management"] = str(management_port)
    lay_out(folder)
    (folder / "tmp").mkdir()
    for name, text in scenario.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fill_text(text, places), encoding="utf-8")
    stage = _Stage(programs, folder, places)
    try:
        return [seen for step in scenario.steps if (seen := stage.take(step)) is not None]
    finally:
        stage.clear()


class _Stage:
    """A folder in which programs run."""

    def __init__(self, programs: Path, folder: Path, places: Mapping[str, str]) -> None:
        self._programs = programs
        self._folder = folder
        self._places = places
        self._runs = 0

    def take(self, step: Run | Listen | Look | Step) -> Observation | None:
        match step:
            case Run():
                return self._run(step)
            case Look():
                return {"seen": _look(self._folder / step.path)}
            case Listen():
                port = int(self._places[step.port])
                what = f"listening on {step.port}: {step.up}"
                wait_until(lambda: _listens(port) == step.up, what, _LIMIT_S)
                return None
        case = Case("step", (), (step,), Setup("none"))
        return Client(self._places).run(case)[0].to_json()

    def _run(self, step: Run) -> Observation:
        self._runs += 1
        output = self._folder / "tmp" / f"output{self._runs}.txt"
        program = self._programs / step.program
        with output.open("wb") as file:
            process = subprocess.Popen(
                [program, *map(self._fill, step.arguments)],
                cwd=self._folder,
                env=self._environment(step),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return {"exit": process.wait(_LIMIT_S), "prints": self._lines(output.read_text())}

    def _lines(self, text: str) -> list[str]:
        lines = []
        for line in text.splitlines():
            line = hide(line, self._places)
            for pattern, replacement in _VARYING:
                line = pattern.sub(replacement, line)
            if line and not _LOGGED.match(line) and not _USAGE.match(line):
                lines.append(line)
        return lines

    def _fill(self, text: str) -> str:
        return fill_text(text, self._places)

    def _environment(self, step: Run) -> dict[str, str]:
        temporary = str(self._folder / "tmp")
        given = {name: self._fill(value) for name, value in step.environment}
        return (
            without_python(os.environ)
            | {"TMPDIR": temporary, "TEMP": temporary, "COLUMNS": "80"}
            | given
        )

    def clear(self) -> None:
        """End every process that was started in the folder."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd().startswith(str(self._folder)):
                    process.send_signal(signal.SIGKILL)


def _look(path: Path) -> Any:
    if path.is_dir():
        names = sorted(str(each.relative_to(path)) for each in path.rglob("*") if each.is_file())
        manifest = path / "MAR-INF" / "MANIFEST.json"
        return _Contents(names, manifest.read_text() if manifest.exists() else "").to_json()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            text = archive.read("MAR-INF/MANIFEST.json").decode()
            files = [name for name in archive.namelist() if not name.endswith("/")]
            return _Contents(sorted(files), text).to_json()
    if path.suffix == ".gz":
        with tarfile.open(path) as tar:
            files = [member.name for member in tar.getmembers() if member.isfile()]
            manifest_name = next(name for name in files if name.endswith("MAR-INF/MANIFEST.json"))
            text = tar.extractfile(manifest_name).read().decode()  # type: ignore[union-attr]  # isfile
            return _Contents(sorted(files), text).to_json()
    return path.read_text() if path.exists() else None


@dataclass(frozen=True)
class _Contents:
    names: list[str]
    manifest: str

    def to_json(self) -> dict[str, Any]:
        return {"names": self.names, "manifest": json.loads(self.manifest or "null")}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
