"""Equal header sections of different connections, held once for all of them.

Clients of one kind send the same heads. Each of a thousand connections that held one of its own,
with what is derived from it, would evict the others from the processor's caches: what a request
needs to read is mostly its head.
"""

from __future__ import annotations

from typing import Final

from mms_server.http.head import Head

_MOST: Final = 64
"""Heads of at most 2 KB each; the one that has been known longest makes room for the next."""


class KnownHeads:
    """The heads that connections of one listener have sent last. Loop thread only."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, Head]] = {}

    def share(self, data: bytes, head: Head) -> tuple[bytes, Head]:
        """Return the bytes and the head that stand for those equal to `data`, which `head` is of.

        Both must come from a parser's fresh state: the same bytes mean the same then.
        """
        known = self._known.get(data)
        if known is None:
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            known = self._known[data] = (data, head)
        return known
