"""The front end's side of the page of memory that it shares with one worker."""

from __future__ import annotations

import mmap
import os
import tempfile

from mms import wire


class Page:
    """An anonymous page behind a descriptor, which is handed to the worker and then closed."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._map = mmap.mmap(fd, wire.PAGE_BYTES)
        self._words = memoryview(self._map).cast("Q")

    @classmethod
    def create(cls) -> Page:
        """Make one: a memory file, or an unlinked file where the platform has none."""
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("mms-page", os.MFD_CLOEXEC)
        else:
            fd, path = tempfile.mkstemp(prefix="mms-page-")
            os.unlink(path)
        os.ftruncate(fd, wire.PAGE_BYTES)
        return cls(fd)

    @property
    def begun(self) -> int:
        """The number of the last batch that the worker has begun; 0 before the first."""
        return self._words[wire.PAGE_BEGUN]

    def withdraw(self, number: int) -> int:
        """Take back the batches up to a number; returns the last one that has begun already."""
        self._words[wire.PAGE_WITHDRAWN] = number
        return self.begun

    def read_unsent(self) -> bytes:
        """Copy the answers that the worker has not sent; none if it writes to them meanwhile."""
        words = self._words
        begun, size_bytes = words[wire.PAGE_BEGUN], words[wire.PAGE_UNSENT]
        if size_bytes > wire.OUTBOX_BYTES:
            return b""
        frames = self._map[wire.PAGE_OUTBOX : wire.PAGE_OUTBOX + size_bytes]
        is_whole = (begun, size_bytes) == (words[wire.PAGE_BEGUN], words[wire.PAGE_UNSENT])
        return frames if is_whole else b""

    def close_fd(self) -> None:
        """Let go of the descriptor once the worker has it; the mapping stays."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def close(self) -> None:
        """Unmap the page."""
        self.close_fd()
        self._words.release()
        self._map.close()
