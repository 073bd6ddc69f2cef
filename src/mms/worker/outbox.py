"""Answers that wait to be sent together, where the front end can take them itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mms import wire


class Outbox:
    """Frames in the page that a worker shares with the front end (`wire.PAGE_OUTBOX`).

    A system call for each answer costs the worker as much as a handler that does little, and wakes
    the front end each time. What stands here is not lost if the worker dies before it is sent, and
    does not wait for a call that takes long. One thread only.
    """

    def __init__(self, words: memoryview) -> None:
        self._words = words
        self._page: Any = words.obj  # to write to a view would make a view of the part
        self._view = words.cast("B")
        self.size_bytes = 0

    @property
    def frames(self) -> memoryview:
        """What waits: valid until the next `put`."""
        return self._view[wire.PAGE_OUTBOX : wire.PAGE_OUTBOX + self.size_bytes]

    def put(self, frames: Sequence[bytes | memoryview]) -> bool:
        """Add all the answers to one batch; returns False, and adds none, without room for them.

        At most once for a batch, and not at all once `clear` was called since that batch began:
        the front end reads `wire.PAGE_BEGUN` twice to tell whether it has read what is whole.
        """
        size_bytes = self.size_bytes
        for frame in frames:
            size_bytes += len(frame)
        if size_bytes > wire.OUTBOX_BYTES:
            return False
        at = wire.PAGE_OUTBOX
        self._page[at + self.size_bytes : at + size_bytes] = b"".join(frames)
        self.size_bytes = self._words[wire.PAGE_UNSENT] = size_bytes
        return True

    def clear(self) -> None:
        """Note that all of it has been sent."""
        self.size_bytes = self._words[wire.PAGE_UNSENT] = 0
