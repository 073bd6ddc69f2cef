"""What bounds a server in Python on this machine: bare HTTP, and a second process behind it."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path

from benchmarks import workload
from benchmarks.servers.ports import free_ports
from benchmarks.servers.recipe import Start

_FLOOR = Path(__file__).with_name("floor.py")


class Limit:
    """A program of one file on the uvloop and httptools of this project; no model, no checks."""

    def __init__(self, name: str, program: Path, *options: str) -> None:
        self.name = name
        self._program = program
        self._options = options

    def install(self) -> None:
        """Do nothing: this server needs the same packages."""

    def version(self) -> str:
        """Return the packages' versions and the interpreter's."""
        uvloop, httptools = map(importlib.metadata.version, ("uvloop", "httptools"))
        return f"uvloop {uvloop} and httptools {httptools} on Python {platform.python_version()}"

    def prepare(self, folder: Path) -> Start:
        """Return the command; nothing has to be laid out."""
        (port,) = free_ports(1)
        command = [sys.executable, str(self._program), str(port), *self._options]
        return Start(command, f"http://127.0.0.1:{port}{workload.PATH}")


BARE = Limit("bare", _FLOOR)
"""Answers by itself."""

TWO_HOP = Limit("two-hop", _FLOOR, "--two-hop")
"""Sends each body to a second process and back before it answers."""
