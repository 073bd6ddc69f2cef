"""This project's wheel with its request path compiled, installed apart from the sources."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.errors import BenchError
from benchmarks.venv import Venv

_ROOT = Path(__file__).parents[1]
_NAME = "mms-server-compiled"
_BUILD = {"HATCH_BUILD_HOOKS_ENABLE": "true"}
"""Runs `hatch_build.py`, as `make wheel` does."""


class CompiledWheel:
    """An environment with the wheel of the sources as they are; compiled again when they change."""

    def __init__(self) -> None:
        self._venv = Venv(name=_NAME)
        self.python = self._venv.program("python")

    def install(self) -> None:
        """Build the wheel and the environment, if need be. Raises BenchError."""
        mark = _digest()
        if self._venv.holds(mark):
            return
        with tempfile.TemporaryDirectory(prefix="mms-bench-") as folder:
            self._venv.fill([str(_build(Path(folder)))], mark)


def _build(folder: Path) -> Path:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(_ROOT)]
    result = subprocess.run(
        command, env=os.environ | _BUILD, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise BenchError(f"{_NAME} cannot be built: {result.stderr.strip()[-2000:]}")
    return next(folder.glob("*.whl"))


def _digest() -> str:
    """Return what tells these sources from any others."""
    files = [_ROOT / "pyproject.toml", _ROOT / "hatch_build.py", *_ROOT.glob("src/**/*.py")]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
