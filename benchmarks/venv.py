"""Virtual environments for the tools that must not meet this project's own packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.errors import BenchError


class Venv:
    """An environment that holds some requirements, kept in the user's cache between runs."""

    def __init__(self, *requirements: str) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        version = f"py{sys.version_info.major}{sys.version_info.minor}"
        folder = f"{'+'.join(requirements).replace('==', '-')}-{version}"
        self._requirements = requirements
        self._folder = cache / "mms-server" / "bench" / folder

    def program(self, name: str) -> str:
        """Return the path of a command of the environment."""
        return str(self._folder / "bin" / name)

    def packages(self) -> Path:
        """Return the folder of the installed packages."""
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self._folder / "lib" / python / "site-packages"

    def install(self) -> None:
        """Create the environment unless an earlier call finished it. Needs PyPI the first time."""
        done = self._folder / ".installed"
        if done.exists():
            return
        self._call([sys.executable, "-m", "venv", "--clear", str(self._folder)])
        options = ["--quiet", "--disable-pip-version-check"]
        self._call([self.program("python"), "-m", "pip", "install", *options, *self._requirements])
        done.touch()

    def _call(self, command: list[str]) -> None:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            names = ", ".join(self._requirements)
            raise BenchError(f"{names} cannot be installed: {result.stderr.strip()}")
