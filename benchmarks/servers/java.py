"""What the two servers in Java share: where Java is, and how log4j is told to be silent."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks.errors import MissingToolError

_NO_LOGS = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="off"><Loggers><Root level="off"/></Loggers></Configuration>
"""


def find() -> None:
    """Raise MissingToolError if no Java is on the path."""
    if shutil.which("java") is None:
        raise MissingToolError("java", "openjdk-17-jre-headless")


def version() -> str:
    """Return the first line of what `java -version` says."""
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True)
    return java.stderr.splitlines()[0]


def without_logs(folder: Path) -> list[str]:
    """Lay out a configuration that logs nothing, and return the option that names it."""
    path = folder / "log4j2.xml"
    path.write_text(_NO_LOGS)
    return ["--log-config", str(path)]
