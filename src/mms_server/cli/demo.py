"""`mms demo`: a real network recognises a real cat through the real server."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from mms_server.errors import MMSError
from mms_server.zoo.building import build
from mms_server.zoo.samples import save

_MODEL = "efficientnet"
_DEADLINE_S = 120.0
_POLL_S = 0.05
_TAIL_LINES = 20
_BOUND = re.compile(r"(Inference|Management) API bind to: http://(127\.0\.0\.1:\d+)")
_CONFIG = """\
inference_address=http://127.0.0.1:0
management_address=http://127.0.0.1:0
default_workers_per_model=1
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    subparsers.add_parser(
        "demo",
        help="classify a photograph of a cat with a real model",
        description="Build a real model's archive, start the server, classify a photograph, stop.",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration; returns the exit status.

    Raises MMSError when a step fails, with the last lines of the server's log if it had started.
    """
    with ExitStack() as stack:
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        stack.callback(signal.signal, signal.SIGTERM, before)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mms-demo-")))
        _say("1. A real model: EfficientNet-Lite0, trained on ImageNet, packed into an archive.")
        archive = build("efficientnet_lite0", folder / "models")
        _show(f"mms zoo get efficientnet_lite0 --export-path models   # {_size(archive)}")
        picture = save("cat", folder)
        _show(f"mms zoo sample cat   # {_size(picture)}: Chelsea, a cat")
        _say("2. The server, with one worker.")
        _show(f"multi-model-server --start --model-store models --models {_MODEL}={archive.name}")
        server = stack.enter_context(closing(_Server(folder, archive.name)))
        address = server.wait_ready()
        _say("3. What is in the picture?")
        _show(f"curl -X POST http://{address}/predictions/{_MODEL} -T {picture.name}")
        answer = server.predict(address, picture.read_bytes())
        print(json.dumps(answer, indent=2))
        _say(_conclusion(picture.name, answer[0]))
    return 0


class _Server:
    """A server of its own for the demonstration, on free ports, that keeps to a folder."""

    def __init__(self, folder: Path, archive: str) -> None:
        self._output = folder / "server.out"
        config = folder / "config.properties"
        config.write_text(_CONFIG)
        command = [sys.executable, "-m", "mms_server.cli.model_server", "--start", "--foreground"]
        command += ["--mms-config", str(config), "--model-store", str(folder / "models")]
        command += ["--models", f"{_MODEL}={archive}"]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                cwd=folder,
                env=_environment(folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> str:
        """Wait for the model; returns host and port of the inference API. Raises MMSError."""
        end = time.monotonic() + _DEADLINE_S
        while time.monotonic() < end and self._process.poll() is None:
            bound = dict(_BOUND.findall(self._log()))
            if len(bound) == 2 and "Model server started." in self._log():
                status, model = self._ask(bound["Management"], "GET", f"/models/{_MODEL}")
                workers = model["workers"] if status == 200 else []
                if any(worker["state"] == "ready" for worker in workers):
                    return str(bound["Inference"])
                errors = [worker["lastError"] for worker in workers if "lastError" in worker]
                if errors:  # the server would try again, for ever
                    raise self._failure(f"The model did not become ready: {errors[0]}")
            time.sleep(_POLL_S)
        raise self._failure("The model did not become ready")

    def predict(self, address: str, body: bytes) -> Any:
        """Ask for a prediction; returns the parsed answer. Raises MMSError."""
        status, answer = self._ask(address, "POST", f"/predictions/{_MODEL}", body)
        if status != 200:
            raise self._failure(f"The prediction failed with status {status}: {answer}")
        return answer

    def close(self) -> None:
        """Stop the server and wait until it is gone; kill it if that takes too long."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(
        self, address: str, method: str, path: str, body: bytes | None = None
    ) -> tuple[int, Any]:
        """Send one request, past any proxy; returns status and parsed answer. Raises MMSError."""
        with closing(http.client.HTTPConnection(address, timeout=_DEADLINE_S)) as connection:
            try:
                connection.request(method, path, body)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError) as exc:
                raise self._failure(f"{method} {path} was not answered: {exc!r}") from exc

    def _log(self) -> str:
        return self._output.read_text(errors="replace")

    def _failure(self, what: str) -> MMSError:
        tail = "\n".join(self._log().splitlines()[-_TAIL_LINES:])
        return MMSError(f"{what}. The server's log ends with:\n{tail}")


def _environment(folder: Path) -> dict[str, str]:
    logs = str(folder / "logs")
    environment = os.environ | {"TEMP": str(folder), "TMPDIR": str(folder)}
    environment |= {"LOG_LOCATION": logs, "METRICS_LOCATION": logs}
    environment.pop("MMS_CONFIG_FILE", None)  # it would win over ours
    return environment


def _conclusion(picture: str, best: dict[str, Any]) -> str:
    name = best["class"]
    article = "an" if name[0] in "AEIOUaeiou" else "a"
    return f"The cat in {picture} is {article} {name} ({best['probability']:.0%})."


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)


def _show(command: str) -> None:
    print(f"   $ {command}", flush=True)
