"""An interpreter that has MXNet, for tests of what runs there; made once and kept.

MXNet 1.9.1 cannot share an interpreter with this server: it needs a numpy before 1.24.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import PIL
import pytest

import mms
from mms_server.zoo.cache import cache_folder
from support import mxnet_side

PACKAGES = ("mxnet==1.9.1", "numpy==1.23.5", f"pillow=={PIL.__version__}")
"""The same Pillow as here, so that a picture becomes the same pixels."""

TIMEOUT_S = 900
"""For tests that may be the first to ask: 193 MB are fetched and unpacked."""


def open_environment() -> Path:
    """Return the interpreter, from the cache or made anew. Skips the test where it cannot be had.

    In CI that is a failure: what is never run there is not tested.
    """
    try:
        return _open()
    except (OSError, subprocess.CalledProcessError) as exc:
        said = getattr(exc, "stderr", None) or str(exc)
        reason = f"no environment with {', '.join(PACKAGES)}: {said}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def _open() -> Path:
    python = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if python is None:
        raise OSError("that numpy needs Python 3.11 or older, and there is no python3.11")
    python = os.path.realpath(python)  # not that of a virtual environment, of which there are many
    digest = hashlib.sha256(" ".join((python, *PACKAGES)).encode()).hexdigest()[:16]
    folder = cache_folder() / "test-environments" / f"mxnet-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side make it once
        if not folder.exists():
            _make(python, folder)
    return folder / "bin" / "python"


def _make(python: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as parent:
        made = Path(parent) / folder.name
        inside = str(made / "bin" / "python")
        for command in (
            (python, "-m", "venv", str(made)),
            (inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES),
            (inside, "-W", "ignore", "-c", "import mxnet"),  # fails without the system's libgomp
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
        made.rename(folder)


class MxnetProcess:
    """Calls functions of `mxnet_side` in a process that has MXNet."""

    def __init__(self, python: Path) -> None:
        environment = {key: value for key, value in os.environ.items() if key[:6] != "PYTHON"}
        environment["PYTHONPATH"] = str(Path(mms.__file__).parents[1])
        self._process = subprocess.Popen(
            [python, mxnet_side.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def call(self, function: Callable[..., Any], *arguments: object) -> Any:
        """Call one there. Raises SideError for whatever it raises."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump((function.__name__, arguments), self._process.stdin)
        self._process.stdin.flush()
        succeeded, result = pickle.load(self._process.stdout)
        if not succeeded:
            raise SideError(*result)
        return result

    def close(self) -> None:
        self._process.communicate(timeout=30)  # the end of its input is its end
        assert self._process.returncode == 0


class SideError(Exception):
    """What a function raised over there: the name of its class, and its text."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


@contextmanager
def mxnet_process(python: Path) -> Iterator[MxnetProcess]:
    """Start a process that has MXNet, and end it."""
    process = MxnetProcess(python)
    try:
        yield process
    finally:
        process.close()
