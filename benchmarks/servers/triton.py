"""NVIDIA's Triton with its Python backend: the binary that lies in PyTriton's wheel."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from benchmarks import workload
from benchmarks.errors import BenchError
from benchmarks.servers.ports import free_ports
from benchmarks.servers.recipe import Start
from benchmarks.venv import Venv

_RELEASE = "0.7.0"
_STUB = "triton_python_backend_stub"
_MODEL = f'''"""Answer every request with the same two bytes."""

import numpy
import triton_python_backend_utils as triton

_ANSWER = numpy.array(list(b"{workload.ANSWER}"), dtype=numpy.uint8)


class TritonPythonModel:
    def execute(self, requests):
        tensor = triton.Tensor("answer", _ANSWER)
        return [triton.InferenceResponse([tensor]) for _ in requests]
'''
_CONFIG = """
backend: "python"
max_batch_size: 0
input [{ name: "body", data_type: TYPE_UINT8, dims: [-1] }]
output [{ name: "answer", data_type: TYPE_UINT8, dims: [-1] }]
instance_group [{ kind: KIND_CPU, count: 1 }]
"""

# The body is the only input as it is, and the output follows a JSON description:
# Triton's "raw binary request", the cheapest that it has over HTTP.
_RAW = "Inference-Header-Content-Length: 0"


class Triton:
    """One instance of a model in its stub process; logs, metrics and gRPC are off.

    Its shared libraries and this interpreter's must fit the machine's C library: it is left out
    where they do not.
    """

    name = "triton"

    def __init__(self) -> None:
        self._venv = Venv(f"nvidia-pytriton=={_RELEASE}")

    def install(self) -> None:
        """Install the wheel, and put the stub for this version of Python where Triton looks."""
        self._venv.install()
        stub = self._home / "python_backend_stubs" / _release_of_python() / _STUB
        if not stub.exists():
            raise BenchError(f"its wheel has no stub for Python {_release_of_python()}")
        # Its library path is relative, and right for this folder, too.
        shutil.copy2(stub, self._home / "backends" / "python" / _STUB)

    def version(self) -> str:
        """Return the wheel's release and the interpreter's version."""
        return f"Triton of nvidia-pytriton {_RELEASE} on Python {platform.python_version()}"

    def prepare(self, folder: Path) -> Start:
        """Lay out `folder` with a model repository."""
        (port,) = free_ports(1)
        model = folder / "models" / workload.MODEL
        (model / "1").mkdir(parents=True)
        (model / "1" / "model.py").write_text(_MODEL)
        (model / "config.pbtxt").write_text(_CONFIG)
        command = [
            *("env", *self._variables()),
            str(self._home / "bin" / "tritonserver"),
            f"--model-repository={folder / 'models'}",
            f"--backend-directory={self._home / 'backends'}",
            *("--http-address=127.0.0.1", f"--http-port={port}"),
            *("--allow-grpc=false", "--allow-metrics=false"),
            *("--log-info=false", "--log-warning=false"),
        ]
        url = f"http://127.0.0.1:{port}/v2/models/{workload.MODEL}/infer"
        return Start(command, url, headers=(_RAW,))

    @property
    def _home(self) -> Path:
        return self._venv.packages() / "pytriton" / "tritonserver"

    def _variables(self) -> list[str]:
        # The stub embeds an interpreter, which has to find its library and its packages. Another
        # interpreter on the path than that of the packages makes it mistake the bytes of tensors.
        programs = Path(self._venv.program("python")).parent
        return [
            f"PATH={programs}{os.pathsep}{os.environ.get('PATH', '')}",
            f"PYTHONPATH={self._venv.packages()}",
            f"LD_LIBRARY_PATH={sysconfig.get_config_var('LIBDIR')}",
        ]


def _release_of_python() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
