"""AWS's Multi Model Server 1.1.11 from PyPI, on the Java that is on the path."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import MissingToolError
from benchmarks.servers import properties
from benchmarks.servers.recipe import Start
from benchmarks.venv import Venv

_RELEASE = "1.1.11"
_NO_LOGS = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="off"><Loggers><Root level="off"/></Loggers></Configuration>
"""
# Its default of 100 answers 503 to most requests of 200 connections, and a refusal costs it little.
_QUEUE = "job_queue_size=1000"


class Mms:
    """Logs are off in its front end, or as they are by default.

    Its worker prints a metric a request, which no option stops. The Java options are its
    defaults: the heap may take a quarter of the machine's memory. `packages` are installed beside
    it, for models that need them.
    """

    def __init__(self, *, has_logs: bool = False, packages: Sequence[str] = ()) -> None:
        self._has_logs = has_logs
        self.name = "mms-logs" if has_logs else "mms"
        self._venv = Venv(f"multi-model-server=={_RELEASE}", *packages)

    def install(self) -> None:
        """Find Java, and install the release from PyPI into an environment of its own."""
        if shutil.which("java") is None:
            raise MissingToolError("java", "openjdk-17-jre-headless")
        self._venv.install()

    def version(self) -> str:
        """Return the release and Java's version."""
        java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True)
        return f"multi-model-server {_RELEASE} on {java.stderr.splitlines()[0]}"

    def prepare(self, folder: Path) -> Start:
        """Lay out `folder` for the launcher, which starts Java, which starts the worker."""
        program = [self._venv.program("multi-model-server")]
        if not self._has_logs:
            log_config = folder / "log4j2.xml"
            log_config.write_text(_NO_LOGS)
            program += ["--log-config", str(log_config)]
        return properties.prepare(program, folder, _QUEUE)
