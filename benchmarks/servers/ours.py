"""This project's server: as the interpreter that runs the benchmark has it, or compiled."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import BenchError
from benchmarks.servers import properties
from benchmarks.servers.recipe import Start
from benchmarks.wheel import CompiledWheel

_MODULE = "mms_server.cli.model_server"
_NO_LOGS = {"version": 1, "root": {"level": "OFF"}}


class Ours:
    """Started as a user would, in the foreground, with the queue limits that it has by default.

    Logs are off, or as they are by default: access, metric and worker lines in files and, all of
    them again, on standard output, which is a file here. `settings` are lines of its configuration.
    """

    def __init__(self, *, has_logs: bool = False, settings: Sequence[str] = ()) -> None:
        self._has_logs = has_logs
        self._settings = settings
        self._python = sys.executable
        self.name = "ours-logs" if has_logs else "ours"

    def install(self) -> None:
        """Check that the package is there: `make bench` installs it."""
        try:
            is_found = importlib.util.find_spec(_MODULE) is not None
        except ModuleNotFoundError:
            is_found = False
        if not is_found:
            raise BenchError(f"{_MODULE} cannot be imported; try: make bench")

    def version(self) -> str:
        """Return the installed version and the interpreter's."""
        release = importlib.metadata.version("mms-server")
        return f"mms-server {release} on Python {platform.python_version()}"

    def prepare(self, folder: Path) -> Start:
        """Lay out `folder` for the launcher, which starts the front end and its worker."""
        program = [self._python, "-m", _MODULE]
        if not self._has_logs:
            log_config = folder / "no_logs.json"
            log_config.write_text(json.dumps(_NO_LOGS))
            program += ["--log-config", str(log_config)]
        return properties.prepare(program, folder, *self._settings)


class OursCompiled(Ours):
    """The wheel that `make wheel` builds, in an environment of its own."""

    def __init__(self, *, has_logs: bool = False, settings: Sequence[str] = ()) -> None:
        super().__init__(has_logs=has_logs, settings=settings)
        self._wheel = CompiledWheel()
        self._python = self._wheel.python
        self.name = "ours-compiled-logs" if has_logs else "ours-compiled"

    def install(self) -> None:
        """Compile unless the sources have been; takes a C compiler and minutes."""
        self._wheel.install()

    def version(self) -> str:
        """Return the release and the interpreter."""
        return f"{super().version()}, request path compiled"
