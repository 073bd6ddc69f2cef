"""Workers on GPUs: on those that a list says there are, and on real ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.running_server import MakeModel, RunningServer, StartServer

PLACE = """
def handle(data, context):
    return [str(context.system_properties["gpu_id"])] * len(data or [])
"""

USE = '''"""Copies bytes to the worker's GPU and back, with the driver alone: cuda.h, driver API."""

import ctypes
import uuid

SIZE = 1 << 20


def check(result):
    assert result == 0, f"the driver answers {result}"


class Service:
    def initialize(self, context):
        self.cuda = ctypes.CDLL("libcuda.so.1")
        self.device, handle = ctypes.c_int(), ctypes.c_void_p()
        check(self.cuda.cuInit(0))
        check(self.cuda.cuDeviceGet(ctypes.byref(self.device), context.system_properties["gpu_id"]))
        check(self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(handle), self.device))
        check(self.cuda.cuCtxSetCurrent(handle))
        self.memory = ctypes.c_uint64()
        check(self.cuda.cuMemAlloc_v2(ctypes.byref(self.memory), ctypes.c_size_t(SIZE)))

    def handle(self, data, context):
        sent, seen = bytes(range(256)) * (SIZE // 256), ctypes.create_string_buffer(SIZE)
        check(self.cuda.cuMemcpyHtoD_v2(self.memory, sent, ctypes.c_size_t(SIZE)))
        check(self.cuda.cuMemcpyDtoH_v2(seen, self.memory, ctypes.c_size_t(SIZE)))
        assert seen.raw == sent
        name = ctypes.create_string_buffer(16)
        check(self.cuda.cuDeviceGetUuid(name, self.device))
        return [f"GPU-{uuid.UUID(bytes=name.raw)}"] * len(data)
'''


def real_gpus() -> list[str]:
    """Ask the driver for the identities of the GPUs, in their order; none without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    command = [tool, "--query-gpu=uuid", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else []


def placements(server: RunningServer, model: str) -> list[bool]:
    return [worker["gpu"] for worker in server.describe(model)["workers"]]


def test_workers_are_dealt_the_gpus_of_a_list(
    start: StartServer, make_model: MakeModel, tmp_path: Path
) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\nprintf '0\\n1\\n2\\n'\n")
    tool.chmod(0o755)
    path = f"{tool.parent}{os.pathsep}{os.environ['PATH']}"
    names = [make_model(name, PLACE) for name in ("one", "two", "three")]
    server = start(environment={"PATH": path}, settings={"number_of_gpu": 2})
    for name in names:
        assert server.register(name, initial_workers=1, synchronous="true").status == 200
    assert [server.predict(name).body for name in names] == [b"1", b"0", b"1"]
    assert [placements(server, name) for name in names] == [[True]] * 3


@pytest.mark.gpu
def test_a_worker_is_placed_on_a_real_gpu(start: StartServer, make_model: MakeModel) -> None:
    gpus = real_gpus()
    if not gpus:
        pytest.skip("there is no GPU here: nvidia-smi lists none")
    server = start(environment={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})  # nvidia-smi's own order
    used = []
    for place in range(len(gpus)):
        name = make_model(f"place{place}", USE)
        answer = server.register(name, initial_workers=1, synchronous="true")
        assert answer.status == 200, server.log
        assert placements(server, name) == [True]
        used.append(server.predict(name).body.decode())
    assert sorted(used) == sorted(gpus)  # each worker has one of its own
