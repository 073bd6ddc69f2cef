"""What bounds a server in Python on this machine: bare HTTP, and a second process behind it."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from pathlib import Path

from benchmarks import workload
from benchmarks.servers.ports import free_ports
from benchmarks.servers.recipe import Start

_PROGRAM = Path(__file__).with_name("floor.py")


class Limit:
    """uvloop and httptools, of the versions that this server runs on; no model, no checks.

    With `has_two_hops`, bodies go to a second process and back before they are answered.
    """

    def __init__(self, *, has_two_hops: bool) -> None:
        self._options = ["--two-hop"] if has_two_hops else []
        self.name = "two-hop" if has_two_hops else "bare"

    def install(self) -> None:
        """Do nothing: this server needs the same packages."""

    def version(self) -> str:
        """Return the packages' versions and the interpreter's."""
        uvloop, httptools = map(importlib.metadata.version, ("uvloop", "httptools"))
        return f"uvloop {uvloop} and httptools {httptools} on Python {platform.python_version()}"

    def prepare(self, folder: Path) -> Start:
        """Return the command; nothing has to be laid out."""
        (port,) = free_ports(1)
        command = [sys.executable, str(_PROGRAM), str(port), *self._options]
        return Start(command, f"http://127.0.0.1:{port}{workload.PATH}")
