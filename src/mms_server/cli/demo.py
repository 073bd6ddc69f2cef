"""`mms demo`: a real network recognises a real cat through the real server."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mms_server.errors import MMSError
from mms_server.zoo.building import build
from mms_server.zoo.samples import save

_MODEL = "efficientnet"
_DEADLINE_S = 60.0
_BOUND = re.compile(r"(Inference|Management) API bind to: (http://\S+)")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    subparsers.add_parser(
        "demo",
        help="classify a photograph of a cat with a real model",
        description="Build a real model's archive, start the server, classify a photograph, stop.",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the demonstration; returns the exit status. Raises MMSError when a step fails."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mms-demo-")))
        _say("1. A real model: EfficientNet-Lite0, trained on ImageNet, packed into an archive.")
        archive = build("efficientnet_lite0", folder / "models")
        _show(f"mms zoo get efficientnet_lite0   # {archive.stat().st_size / 1e6:.1f} MB")
        picture = save("cat", folder)
        _show("mms zoo sample cat   # a photograph of Chelsea, the cat")
        _say("2. The server, with one worker.")
        server = _Server(folder)
        stack.callback(server.stop)
        inference = server.wait_ready()
        _show(f"mxnet-model-server --start --model-store models --models {_MODEL}={archive.name}")
        _say("3. What is in the picture?")
        _show(f"curl -X POST {inference}/predictions/{_MODEL} -T cat.png")
        answer = _post(f"{inference}/predictions/{_MODEL}", picture.read_bytes())
        print(json.dumps(answer, indent=2))
        best = answer[0]
        _say(f"The picture shows: {best['class']} ({best['probability']:.0%}).")
    return 0


class _Server:
    """A server of its own for the demonstration, on free ports."""

    def __init__(self, folder: Path) -> None:
        self._output = folder / "server.out"
        config = folder / "config.properties"
        config.write_text(
            "inference_address=http://127.0.0.1:0\n"
            "management_address=http://127.0.0.1:0\n"
            "default_workers_per_model=1\n"
        )
        command = [sys.executable, "-m", "mms_server.cli.model_server", "--start", "--foreground"]
        command += ["--mms-config", str(config), "--model-store", str(folder / "models")]
        command += ["--models", f"{_MODEL}=efficientnet_lite0.mar"]
        environment = {**os.environ, "TEMP": str(folder), "TMPDIR": str(folder)}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command,
                cwd=folder,
                env=environment | {"LOG_LOCATION": str(folder / "logs")},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> str:
        """Wait for the model; returns the address of the inference API. Raises MMSError."""
        end = time.monotonic() + _DEADLINE_S
        while time.monotonic() < end and self._process.poll() is None:
            bound = dict(_BOUND.findall(self._output.read_text(errors="replace")))
            if len(bound) == 2:
                model = _get(f"{bound['Management']}/models/{_MODEL}")
                if any(worker["state"] == "ready" for worker in model["workers"]):
                    return str(bound["Inference"])
            time.sleep(0.1)
        tail = self._output.read_text(errors="replace").splitlines()[-20:]
        raise MMSError("The model did not become ready:\n" + "\n".join(tail))

    def stop(self) -> None:
        """Stop the server and wait for it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def _get(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=_DEADLINE_S) as answer:  # noqa: S310 - ours
            return json.load(answer)
    except OSError:
        return {"workers": []}  # the ports are bound, the model is still being taken in


def _post(url: str, body: bytes) -> Any:
    request = urllib.request.Request(url, data=body, method="POST")  # noqa: S310 - ours
    request.add_header("Content-Type", "image/png")
    try:
        with urllib.request.urlopen(request, timeout=_DEADLINE_S) as answer:  # noqa: S310
            return json.load(answer)
    except OSError as exc:
        raise MMSError(f"The prediction failed: {exc}") from exc


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)


def _show(command: str) -> None:
    print(f"   $ {command}", flush=True)
