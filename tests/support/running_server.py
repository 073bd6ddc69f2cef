"""A real server process on free loopback ports, and a plain client for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil

DEADLINE_S = 30.0
T = TypeVar("T")


def wait_until(probe: Callable[[], T], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Poll until `probe` returns something true; fail with what was waited for."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        seen = probe()
        if seen:
            return seen
        time.sleep(0.01)
    raise AssertionError(f"waited {deadline_s:g} s in vain: {what}")


def free_port() -> int:
    """Find a loopback port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Response:
    """One answer, read whole."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class RunningServer:
    """A server started by its launcher in the foreground."""

    folder: Path
    process: subprocess.Popen[bytes]
    inference_port: int = 0
    management_port: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """The front end's process id."""
        return int((self.folder / ".model_server.pid").read_text())

    @property
    def log(self) -> str:
        return (self.folder / "out.log").read_text(errors="replace")

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        management: bool = False,
    ) -> Response:
        port = self.management_port if management else self.inference_port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Response(answer.status, answer.reason, dict(answer.headers), answer.read())

    def predict(self, model: str, body: bytes | str = b"x", **headers: str) -> Response:
        return self.request("POST", f"/predictions/{model}", body, headers)

    def manage(self, method: str, path: str, **keywords: Any) -> Response:
        return self.request(method, path, management=True, **keywords)

    def register(self, url: str, **parameters: object) -> Response:
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return self.manage("POST", f"/models?url={url}&{query}")

    def describe(self, model: str) -> Any:
        return self.manage("GET", f"/models/{model}").json

    def worker_pids(self, model: str) -> list[int]:
        return [w["pid"] for w in self.describe(model)["workers"] if "pid" in w]

    def wait_ready(self, model: str, workers: int = 1) -> None:
        def is_ready() -> bool:
            states = [w["state"] for w in self.describe(model)["workers"]]
            return sum(state in ("ready", "busy") for state in states) >= workers

        wait_until(is_ready, f"{workers} ready workers of {model}")

    def counters(self, model: str) -> dict[str, int]:
        text = self.manage("GET", "/metrics").body.decode()
        found = re.findall(rf'mms_requests_(\w+?)(?:_total)?{{model="{model}".*?}} (\S+)', text)
        return {name: int(float(value)) for name, value in found}

    def processes(self) -> list[psutil.Process]:
        """All processes that belong to this server, however they were started."""
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
            front_end = psutil.Process(self.pid)
            return [front_end, *front_end.children(recursive=True)]
        return []

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def start_server(
    folder: Path,
    *,
    store: Path | None = None,
    models: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> RunningServer:
    """Start a server on free ports and wait until it has said that it started."""
    lines = {
        "inference_address": "http://127.0.0.1:0",
        "management_address": "http://127.0.0.1:0",
        "default_workers_per_model": 1,
        **(settings or {}),
    }
    config = folder / "config.properties"
    config.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
    command = [sys.executable, "-m", "mms_server.cli.model_server", "--start", "--foreground"]
    command += ["--mms-config", str(config)]
    if store is not None:
        command += ["--model-store", str(store)]
    command += options
    if models:
        command += ["--models", *models]
    environ = {**os.environ, "TEMP": str(folder), "TMPDIR": str(folder), **(environment or {})}
    with (folder / "out.log").open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=out, stderr=subprocess.STDOUT
        )
    server = RunningServer(folder, process)
    try:
        _await_start(server)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return server


def _await_start(server: RunningServer) -> None:
    process = server.process
    wait_until(
        lambda: "Model server started." in server.log or process.poll() is not None,
        "the server to start",
    )
    if process.poll() is not None:
        raise AssertionError(f"the server did not start:\n{server.log}")
    for name in ("inference", "management"):
        match = re.search(rf"{name.title()} API bind to: https?://127.0.0.1:(\d+)", server.log)
        assert match is not None, server.log
        setattr(server, f"{name}_port", int(match[1]))


StartServer = Callable[..., RunningServer]
"""The fixture `start`: `start_server` with a folder and a store chosen."""

MakeModel = Callable[..., str]
"""The fixture `make_model`: (name, code, handler) to the location of a new model."""
