"""A container as Amazon SageMaker runs one, as far as namespaces make it: see `Container`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

from support.running_server import Response, wait_until

PORT = 8080

# Processes, network and mounts of its own: the toolkit looks at every process of the machine,
# binds all interfaces and writes to /etc, which is covered by a layer that is thrown away.
_SETUP = """
mount -t tmpfs layer "$LAYER"
mkdir "$LAYER/upper" "$LAYER/work"
mount -t overlay layer -o "lowerdir=/etc,upperdir=$LAYER/upper,workdir=$LAYER/work" /etc
"""
_LOOPBACK_UP = """
import fcntl, socket, struct
with socket.socket() as any_socket:  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING: netdevice(7)
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 0x41))
"""
_UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net")


def why_not(folder: Path) -> str | None:
    """Say what keeps this machine from running a container; None when it can."""
    if not all(map(shutil.which, ("unshare", "nsenter", "curl"))):
        return "unshare, nsenter and curl are needed"
    layer = folder / "probe"
    layer.mkdir()
    command = [*_UNSHARE, "bash", "-ec", _SETUP]
    done = subprocess.run(
        command, env={**os.environ, "LAYER": str(layer)}, capture_output=True, text=True
    )
    return f"no namespaces or overlays here: {done.stderr.strip()}" if done.returncode else None


class Container:
    """Runs a Python program as process 1; requests are made from inside."""

    def __init__(
        self, folder: Path, python: Path, program: str, environment: Mapping[str, str]
    ) -> None:
        self._folder = folder
        (folder / "layer").mkdir()
        (folder / "tmp").mkdir()
        setup = _SETUP + '"$1" -c "$2"; exec "$1" -c "$3"'
        with (folder / "out.log").open("wb") as out:
            self._outer = subprocess.Popen(
                [*_UNSHARE, "bash", "-ec", setup, "-", python, _LOOPBACK_UP, program],
                cwd=folder,
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith("SAGEMAKER")},
                    "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
                    "LAYER": str(folder / "layer"),
                    "TMPDIR": str(folder / "tmp"),
                    "TEMP": str(folder / "tmp"),
                    **environment,
                },
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.first = wait_until(psutil.Process(self._outer.pid).children, "process 1")[0]

    @property
    def log(self) -> str:
        return (self._folder / "out.log").read_text(errors="replace")

    @property
    def processes(self) -> list[psutil.Process]:
        return [self.first, *self.first.children(recursive=True)]

    def request(self, method: str, path: str, body: str | None = None, *fields: str) -> Response:
        """Send a request with curl from inside; status 0 when nobody answers."""
        command = ["nsenter", "--target", str(self.first.pid), "--net", "curl", "-sS", "-X", method]
        for field in fields:
            command += ["-H", field]
        if body is not None:
            command += ["--data-binary", body]
        command += ["-w", "\n%{http_code} %{content_type}", f"http://127.0.0.1:{PORT}{path}"]
        done = subprocess.run(command, capture_output=True, timeout=60)
        answer, _, last = done.stdout.rpartition(b"\n")
        status, _, content_type = last.decode().partition(" ")
        return Response(int(status), "", {"content-type": content_type}, answer)

    def wait_answer(self, path: str) -> Response:
        """Ask until there is an answer."""

        def answers() -> list[Response]:
            assert self._outer.poll() is None, self.log
            response = self.request("GET", path)
            return [response] if response.status else []

        return wait_until(answers, f"an answer to {path}")[0]

    def stop(self) -> int:
        """Ask process 1 to end, as a container's host does; returns its exit status.

        It gets no signal that it does not handle (pid_namespaces(7)), and the toolkit handles this
        one when it has found the server, for which it looks once a second.
        """
        wait_until(lambda: self._catches(signal.SIGTERM), "process 1 to handle SIGTERM")
        self.first.send_signal(signal.SIGTERM)
        return self._outer.wait(timeout=60)

    def _catches(self, number: signal.Signals) -> bool:
        status = Path(f"/proc/{self.first.pid}/status").read_text()
        caught = int(re.findall(r"^SigCgt:\s+(\w+)", status, re.MULTILINE)[0], 16)
        return bool(caught >> (number - 1) & 1)

    def kill(self) -> None:
        """End everything in it."""
        self._outer.kill()
        self._outer.wait()
