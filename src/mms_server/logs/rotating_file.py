"""A log file that is put aside when it is large."""

from __future__ import annotations

import os
from pathlib import Path

ROTATE_BYTES = 100 * 1024 * 1024
KEPT_FILES = 5
"""As in Multi Model Server's log4j2 configuration, less its daily rotation."""


class RotatingFile:
    """Appends to a file, and starts another when it is large.

    Raises OSError when the file cannot be opened; after that, the writer's thread only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()

    def __call__(self, data: bytes) -> None:
        """Write; raises OSError when the disk does not take it."""
        if self._fd < 0:
            self._open()  # an earlier rotation could not
        elif self._size_bytes + len(data) > ROTATE_BYTES:
            self._rotate()
        while data:
            count = os.write(self._fd, data)
            self._size_bytes += count
            data = data[count:]

    def _open(self) -> None:
        self._fd = -1
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._size_bytes = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(KEPT_FILES - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
