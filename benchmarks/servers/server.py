"""A server under measurement: its process, from the start to the end of everything below it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks import processes, workload
from benchmarks.errors import BenchError
from benchmarks.servers.recipe import Recipe

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 10.0
_POLL_S = 0.01
_TAIL_LINES = 20


class Server:
    """One recipe, running in a session and a folder of its own."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self._recipe = recipe
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        """Where predictions are posted; set by `start`."""
        self.body = workload.BODY
        """What is posted there: a text, or `@` and the path of a file."""
        self.management_url = ""
        """Where its management API listens; set by `start`, empty where it has none."""
        self.headers: tuple[str, ...] = ()
        """Further lines of each request's head; set by `start`."""
        self.start_s = 0.0
        """Seconds from its process's start to its first answer; set by `start`."""

    @property
    def name(self) -> str:
        """The word for it on the command line and in the report."""
        return self._recipe.name

    def version(self) -> str:
        """Return its version, with that of what it runs on; valid once installed."""
        return self._recipe.version()

    def start(self) -> None:
        """Install it if need be, start it, and wait until it answers a prediction.

        Raises BenchError, with the end of its output, if it ends or is not ready in a minute.
        """
        self._recipe.install()
        self.folder.mkdir(parents=True)
        command, self.url, self.management_url, self.headers = self._recipe.prepare(self.folder)
        began_s = time.monotonic()
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment(os.environ, self.folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = began_s + _START_LIMIT_S
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{self.name} does not answer {self.url}:\n{self._tail()}")
            time.sleep(_POLL_S)
        self.start_s = time.monotonic() - began_s

    def is_ready(self) -> bool:
        """Say whether a prediction is answered, which takes a worker that has loaded the model."""
        return workload.is_answered(self.url, self.headers)

    def pids(self) -> list[int]:
        """Return the process that was started and every living one below it, parents first."""
        return processes.tree(self._process.pid) if self._process else []

    def stop(self) -> None:
        """Terminate the process group, then kill what is left of the tree.

        MMS needs the second step: on SIGTERM its front end ends and leaves its backends behind.
        """
        if self._process is None or self._process.poll() is not None:
            return
        members = [stat for pid in self.pids() if (stat := processes.read_stat(pid))]
        os.killpg(self._process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_LIMIT_S
        while any(map(_is_alive, members)) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        for stat in filter(_is_alive, members):
            with contextlib.suppress(ProcessLookupError):
                os.kill(stat.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def _output(self) -> Path:
        return self.folder / "output.txt"

    def _tail(self) -> str:
        return "\n".join(self._output.read_text(errors="replace").splitlines()[-_TAIL_LINES:])


def _is_alive(member: processes.Stat) -> bool:
    now = processes.read_stat(member.pid)
    return now is not None and now.started_ticks == member.started_ticks


def environment(inherited: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables for a server that keeps to one folder."""
    places = ("TMPDIR", "TEMP", "LOG_LOCATION", "METRICS_LOCATION")
    return without_python(inherited) | dict.fromkeys(places, str(folder))


def without_python(inherited: Mapping[str, str]) -> dict[str, str]:
    """Leave out what leads Python elsewhere: two packages named `mms` are compared."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {key: value for key, value in inherited.items() if key not in hidden}
