"""AWS's Multi Model Server 1.1.11 from PyPI, on the Java that is on the path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.servers import java, properties
from benchmarks.servers.recipe import Start
from benchmarks.venv import Venv

_RELEASE = "1.1.11"
# Its default of 100 answers 503 to most requests of 200 connections, and a refusal costs it little.
_QUEUE = "job_queue_size=1000"


class Mms:
    """Logs are off in its front end, or as they are by default.

    Its worker prints a metric a request, which no option stops. The Java options are its
    defaults: the heap may take a quarter of the machine's memory. `packages` are installed beside
    it, for models that need them. `settings` are lines of its configuration.
    """

    def __init__(
        self,
        *,
        has_logs: bool = False,
        packages: Sequence[str] = (),
        settings: Sequence[str] = (_QUEUE,),
    ) -> None:
        self._has_logs = has_logs
        self._settings = settings
        self.name = "mms-logs" if has_logs else "mms"
        self._venv = Venv(f"multi-model-server=={_RELEASE}", *packages)

    def install(self) -> None:
        """Find Java, and install the release from PyPI into an environment of its own."""
        java.find()
        self._venv.install()

    def version(self) -> str:
        """Return the release and Java's version."""
        return f"multi-model-server {_RELEASE} on {java.version()}"

    def prepare(self, folder: Path) -> Start:
        """Lay out `folder` for the launcher, which starts Java, which starts the worker."""
        program = [self._venv.program("multi-model-server")]
        if not self._has_logs:
            program += java.without_logs(folder)
        return properties.prepare(program, folder, *self._settings)
