"""Lightning's LitServe from PyPI: uvicorn in one process, the model in another."""

from __future__ import annotations

import platform
from pathlib import Path

from benchmarks import workload
from benchmarks.servers.ports import free_ports
from benchmarks.servers.recipe import Start
from benchmarks.venv import Venv

_RELEASE = "0.2.19"
_PROGRAM = f'''"""Answer every request with the same two bytes."""

import sys

import litserve
from starlette.responses import PlainTextResponse


class Noop(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request

    def predict(self, x):
        return "{workload.ANSWER}"

    def encode_response(self, output):
        return PlainTextResponse(output)


if __name__ == "__main__":
    api = Noop(api_path="{workload.PATH}")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="error",
        access_log=False,
    )
'''


class LitServe:
    """One process for HTTP, one worker, and the faster of its ways between them: ZeroMQ."""

    name = "litserve"

    def __init__(self) -> None:
        self._venv = Venv(f"litserve=={_RELEASE}")

    def install(self) -> None:
        """Install the release from PyPI into an environment of its own."""
        self._venv.install()

    def version(self) -> str:
        """Return the release and the interpreter's version."""
        return f"litserve {_RELEASE} on Python {platform.python_version()}"

    def prepare(self, folder: Path) -> Start:
        """Lay out `folder` with the program that its users would write."""
        (port,) = free_ports(1)
        program = folder / "server.py"
        program.write_text(_PROGRAM)
        command = [self._venv.program("python"), str(program), str(port)]
        return Start(command, f"http://127.0.0.1:{port}{workload.PATH}")
