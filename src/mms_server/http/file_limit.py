"""Tells the operator when connections have used up the files that the process may open.

Nobody else does: libuv accepts and closes at once what there is no descriptor left for.
"""

from __future__ import annotations

import logging
import os
import resource

logger = logging.getLogger("mms_server.http")

_FROM_SHARE = 4
"""Nothing is looked at below a quarter of the limit."""

_RESERVE = 8
"""Descriptors that are nearly the last ones: some are in use for a moment only."""


class FileLimit:
    """Warns once, and once more after connections had fallen below a quarter of the limit."""

    __slots__ = ("_has_warned",)

    def __init__(self) -> None:
        self._has_warned = False

    def check(self, connections: int) -> None:
        """Look at a new connection beside those that are open."""
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if connections * _FROM_SHARE < limit:
            self._has_warned = False
        elif not self._has_warned and _lowest_free() >= limit - _RESERVE:
            self._has_warned = True
            logger.warning(
                "%d connections are open, and with them nearly all of the %d files that the server "
                "may have open: further connections will be closed unanswered. Raise the limit "
                "(ulimit -Hn) and start it again.",
                connections,
                limit,
            )


def _lowest_free() -> int:
    """Return the least descriptor that is free, which is what open(2) returns (POSIX)."""
    try:
        descriptor = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # there is none
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.close(descriptor)
    return descriptor
