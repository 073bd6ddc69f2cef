"""What is compared: a handler behind this server, and in a loop or with half the workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks import sleeper, workload
from benchmarks.errors import BenchError
from benchmarks.servers.server import without_python
from mms_server.zoo.building import build
from mms_server.zoo.samples import SAMPLES
from mms_server.zoo.wheels import read_file

_ZOO = "efficientnet_lite0"
_WIDTH = 4096
_DENSE = f'''"""One dense layer of {_WIDTH} x {_WIDTH}: its weights are read once for a batch."""

import numpy as np

weights = np.random.default_rng(0).standard_normal(({_WIDTH}, {_WIDTH}), dtype=np.float32)


def handle(data, context):
    if data is None:
        return None
    rows = np.stack([np.frombuffer(each["body"], np.float32) for each in data])
    return [row.tobytes() for row in rows @ weights]
'''
_GRACE_S = 60.0


@dataclass(slots=True, frozen=True)
class Model:
    """A model in a folder, and what is posted to it."""

    name: str
    folder: Path
    handler: str
    body: Path


@dataclass(slots=True, frozen=True)
class Case:
    """One comparison; `goal` is the least ratio of the server's rate to the baseline's.

    The baseline is a bare loop around the handler, or where `workers` is above one this server
    with one worker.
    """

    title: str
    model: str
    goal: float
    threads: int = 1
    batch_size: int = 1
    connections: int = 4
    workers: int = 1

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that decide on the engine's threads."""
        return {name: str(self.threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}


def all_cases() -> dict[str, Case]:
    """Return the comparisons by the names that the command line knows."""
    cores = len(os.sched_getaffinity(0))
    return {
        "one-thread": Case("EfficientNet-Lite0 (ONNX), 1 thread", _ZOO, 0.99),
        "all-cores": Case(f"EfficientNet-Lite0 (ONNX), {cores} threads", _ZOO, 0.95, threads=cores),
        "batch": Case(
            "dense layer, batches of 8, 1 thread", "dense", 0.95, batch_size=8, connections=32
        ),
        "workers": Case(
            f"{sleeper.SLEEP_MS} ms of sleep, 2 workers to 1",
            sleeper.NAME,
            1.95,
            connections=8,
            workers=2,
        ),
    }


def make_model(name: str, folder: Path) -> Model:
    """Lay out a model below a folder. Raises MMSError when the zoo cannot build it."""
    target, body = folder / name, folder / f"{name}.body"
    if name == _ZOO:
        with zipfile.ZipFile(build(name, folder)) as archive:
            archive.extractall(target)
        picture = Image.open(BytesIO(read_file(SAMPLES["cat"]))).convert("RGB")
        picture.save(body, "JPEG", quality=90)
    else:
        workload.write_model(folder, name, _DENSE if name == "dense" else sleeper.CODE)
        body.write_bytes(bytes(4 * _WIDTH) if name == "dense" else workload.BODY.encode())
    return Model(name, target, _ask_for_this_python(target), body)


def _ask_for_this_python(folder: Path) -> str:
    """Have a model run by the interpreter that the bare loop has, too; returns its handler."""
    path = folder / "MAR-INF" / "MANIFEST.json"
    manifest = json.loads(path.read_text())
    manifest["model"]["python"] = sys.executable
    path.write_text(json.dumps(manifest))
    return str(manifest["model"]["handler"])


def bare_per_s(case: Case, model: Model, duration_s: int) -> float:
    """Run the handler in a loop; returns requests a second. Raises BenchError."""
    command = [sys.executable, "-m", "benchmarks.modelbound.bare", str(model.folder)]
    command += [model.handler, str(model.body), str(case.batch_size), str(duration_s)]
    said = subprocess.run(
        command,
        env=without_python(os.environ) | dict(case.environment),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=duration_s + _GRACE_S,
        check=False,
    )
    if said.returncode:
        raise BenchError(f"the bare loop failed:\n{said.stderr}")
    seen = json.loads(said.stdout.splitlines()[-1])
    return float(seen["requests"] / seen["elapsed_s"])
