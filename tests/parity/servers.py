"""Both servers, started alike: one setup, one folder, the same models."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.servers.ports import free_ports
from benchmarks.servers.server import environment
from parity.case import Setup
from parity.places import fill_text
from support.web import serve_folder

MODELS = Path(__file__).parent / "models"
_START_LIMIT_S = 90.0
_STARTED = "Model server started."


class ParityServer:
    """A running server; `places` are its folder and ports, by the name of their placeholder."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], places: dict[str, str]):
        self.folder = folder
        self.places = places
        self._process = process

    @property
    def is_alive(self) -> bool:
        """Whether the process that was started runs."""
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """What it has printed."""
        return (self.folder / "output.txt").read_text(errors="replace")

    def stop(self) -> None:
        """End it and everything that it started: the real one leaves its backends behind."""
        members = [self._process.pid]
        with contextlib.suppress(psutil.NoSuchProcess):
            below = psutil.Process(self._process.pid).children(recursive=True)
            members += [each.pid for each in below]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def running(program: Sequence[str], setup: Setup, folder: Path) -> Iterator[ParityServer]:
    """Start `program` with a setup in an empty folder, wait until it listens, end it."""
    with serve_folder(folder / "files") as files_port:
        inference_port, management_port = free_ports(2)
        places = {"folder": str(folder), "files": str(files_port)}
        places |= {"inference": str(inference_port), "management": str(management_port)}
        server = _start(program, setup, folder, places)
        try:
            _await(lambda: _STARTED in server.output, server)
            if setup.models:
                _await(lambda: _is_healthy(inference_port), server)
            yield server
        finally:
            server.stop()


def lay_out(folder: Path) -> None:
    """Copy the models into `folder/store`, and pack each into `folder/files/NAME.mar`.

    A folder named `NAME.mar` is a model that is packed where it stands.
    """
    store, files = folder / "store", folder / "files"
    shutil.copytree(MODELS, store)
    (files / "folder").mkdir(parents=True)
    for model in sorted(path for path in store.rglob("*.mar") if path.is_dir()):
        _pack(model, files / "packing")
        shutil.rmtree(model)
        (files / "packing").rename(model)
    for model in sorted(path for path in store.iterdir() if path.is_dir()):
        _pack(model, files / f"{model.name}.mar")


def _pack(model: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(model.rglob("*")):
            archive.write(path, path.relative_to(model))


def _start(
    program: Sequence[str], setup: Setup, folder: Path, places: Mapping[str, str]
) -> ParityServer:
    settings = {
        "inference_address": f"http://127.0.0.1:{places['inference']}",
        "management_address": f"http://127.0.0.1:{places['management']}",
        "default_workers_per_model": "1",
        **dict(setup.settings),
    }
    lines = [f"{key}={fill_text(value, places)}\n" for key, value in settings.items()]
    (folder / "config.properties").write_text("".join(lines))
    command = [*program, "--start", "--foreground"]
    command += ["--mms-config", str(folder / "config.properties")]
    command += ["--model-store", str(folder / setup.store)] if setup.store else []
    command += ["--models", *setup.models] if setup.models else []
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(os.environ, folder) | dict(setup.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return ParityServer(folder, process, dict(places))


def _await(probe: Callable[[], bool], server: ParityServer) -> None:
    deadline = time.monotonic() + _START_LIMIT_S
    while not probe():
        if time.monotonic() > deadline or not server.is_alive:
            raise AssertionError(f"the server does not start:\n{server.output}")
        time.sleep(0.05)


def _is_healthy(port: int) -> bool:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as client:
        client.request("GET", "/ping")
        return b'"Healthy"' in client.getresponse().read()
