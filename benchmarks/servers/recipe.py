"""What differs from server to server: how to get it and how to start it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol


class Start(NamedTuple):
    """How to start a server, and where it then answers predictions.

    `management_url` is where its management API listens; empty where it has none. `headers` are the
    lines that a request needs on top of those that all servers get.
    """

    command: list[str]
    url: str
    management_url: str = ""
    headers: tuple[str, ...] = ()


class Recipe(Protocol):
    """Starts one server that answers `benchmarks.workload` with one worker and no logs."""

    @property
    def name(self) -> str:
        """The word for it on the command line and in the report."""

    def install(self) -> None:
        """Make sure that it can be started; do nothing if it can. Raises BenchError if not."""

    def version(self) -> str:
        """Return its version, with that of what it runs on; valid once installed."""

    def prepare(self, folder: Path) -> Start:
        """Lay out the empty `folder` and return what to run in it."""
