"""The file that names the running server, for `--stop`."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from mms_server.cli.options import SERVER_TOKEN

NAME = ".model_server.pid"
_VARIABLES = ("TMPDIR", "TEMP", "TMP")
_FOLDER = "/tmp"  # noqa: S108 - nothing is created by that name alone
"""Where `tempfile` looks for its folder first: in these variables, then here."""


class PidFile:
    """`.model_server.pid` in the system's folder for temporary files, as in Multi Model Server."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _find() or Path(tempfile.gettempdir()) / NAME

    def read(self) -> int | None:
        """Return the process id in it; None when there is no file or no number in it."""
        try:
            return int(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return None

    @property
    def exists(self) -> bool:
        """Whether there is such a file, whatever is in it."""
        return self.path.is_symlink() or self.path.exists()

    def write(self, pid: int) -> None:
        """Create the file; what somebody else put in its place is replaced, never written to.

        Everybody may read it: another user is told that a server runs.
        """
        self.remove()
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(fd, "w") as file:
            file.write(str(pid))

    def remove(self) -> None:
        """Remove the file if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()


def _find() -> Path | None:
    """Find the file where a server may have left it.

    `tempfile` passes over a folder that it cannot write to; when the disk is full, that is the one
    where the file was written before.
    """
    for folder in (*map(os.environ.get, _VARIABLES), _FOLDER):
        if folder and Path(folder).is_dir():
            path = Path(folder).absolute() / NAME
            return path if path.exists() else None
    return None


def is_server(pid: int) -> bool:
    """Say whether a process is alive and one of our servers, as far as the system tells.

    Process ids are used again: another program under an old number is no server.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's: what it is can be read all the same
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, IndexError):
        return True  # no /proc: alive is all that is known
    return state != "Z" and SERVER_TOKEN.encode() in arguments
