"""Where fetched files and built archives are kept, and how files get there."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from mms_server.errors import MMSError

_READABLE = 0o644


def cache_folder() -> Path:
    """Choose the folder; it need not exist, and may be deleted at any time.

    Sources: XDG Base Directory Specification, which has relative paths ignored; on macOS Apple's
    File System Programming Guide.
    """
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if chosen.is_absolute():
        return chosen / "mms-server"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "mms-server"
    return Path.home() / ".cache" / "mms-server"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file, and the folders above it, so that it is there whole or not at all.

    Any number of processes may write the same file at once. Raises MMSError if the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
            file = Path(folder) / path.name
            file.write_bytes(content)
            file.chmod(_READABLE)
            file.replace(path)
    except OSError as exc:
        raise MMSError(f"{path} cannot be written: {exc}.") from exc
