"""Virtual environments for the tools that must not meet this project's own packages."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.errors import BenchError


class Venv:
    """An environment of this interpreter's, kept in the user's cache between runs."""

    def __init__(self, *requirements: str, name: str = "") -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._name = name or "+".join(requirements).replace("==", "-")
        self._requirements = requirements
        self._folder = cache / "mms-server" / "bench" / f"{self._name}-{_interpreter()}"

    def program(self, name: str) -> str:
        """Return the path of a command of the environment."""
        return str(self._folder / "bin" / name)

    def packages(self) -> Path:
        """Return the folder of the installed packages."""
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self._folder / "lib" / python / "site-packages"

    def install(self) -> None:
        """Create the environment unless an earlier call finished it. Needs PyPI the first time."""
        if not self.holds(""):
            self.fill(self._requirements, "")

    def holds(self, mark: str) -> bool:
        """Say whether it was filled to the end, and with this mark."""
        return self._done.exists() and self._done.read_text() == mark

    def fill(self, requirements: Iterable[str], mark: str) -> None:
        """Create it anew with what is required; `mark` tells it from the one before."""
        self._call([sys.executable, "-m", "venv", "--clear", str(self._folder)])
        options = ["--quiet", "--disable-pip-version-check"]
        self._call([self.program("python"), "-m", "pip", "install", *options, *requirements])
        self._done.write_text(mark)

    @property
    def _done(self) -> Path:
        return self._folder / ".installed"

    def _call(self, command: list[str]) -> None:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise BenchError(f"{self._name} cannot be installed: {result.stderr.strip()}")


def _interpreter() -> str:
    """Tell this interpreter from others of its version, which may be built for another speed."""
    build = hashlib.sha256(f"{sys.base_prefix} {sys.version}".encode()).hexdigest()[:8]
    return f"py{sys.version_info.major}{sys.version_info.minor}-{build}"
