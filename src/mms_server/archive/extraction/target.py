"""The folder that an archive is unpacked into, and the bytes that it may take."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mms_server.archive.limits import Limits
from mms_server.errors import InvalidModelError

CHUNK_BYTES = 1024 * 1024
"""What is held in memory of a file, however large it is."""

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Target:
    """A new folder, written to within `limits`; paths are those that an EntryTable has passed.

    Raises InvalidModelError when there is more to write than allowed, and OSError.
    """

    def __init__(self, folder: Path, archive_bytes: int, limits: Limits) -> None:
        self.limits = limits
        self._folder = folder
        self._by_ratio_bytes = max(limits.ratio_floor_bytes, limits.ratio * archive_bytes)
        self._spent_bytes = 0

    @contextmanager
    def made(self) -> Iterator[None]:
        """Make the folder, and remove it with all that is in it if the body raises."""
        self._folder.mkdir(mode=0o700)
        try:
            yield
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def add_folder(self, path: str) -> None:
        """Make a folder, which may be there already."""
        (self._folder / path).mkdir(parents=True, exist_ok=True)

    def add_file(self, path: str, chunks: Iterable[bytes], *, is_executable: bool) -> int:
        """Write a new file and the folders above it; return its size in bytes."""
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        before_umask = 0o777 if is_executable else 0o666
        with open(os.open(file, _FLAGS, before_umask), "wb") as sink:
            for chunk in chunks:
                sink.write(chunk)
            return sink.tell()

    def spend(self, count_bytes: int) -> None:
        """Count unpacked bytes, before they are written."""
        self._spent_bytes += count_bytes
        if self._spent_bytes > self.limits.unpacked_bytes:
            raise InvalidModelError(
                f"The archive unpacks to more than {self.limits.unpacked_bytes} bytes."
            )
        if self._spent_bytes > self._by_ratio_bytes:
            raise InvalidModelError(
                f"The archive unpacks to more than {self.limits.ratio} times its size."
            )
