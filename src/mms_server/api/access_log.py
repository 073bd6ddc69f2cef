"""One line for each answer, and one that counts it, as Multi Model Server writes them."""

from __future__ import annotations

from typing import Final

from mms_server.http.exchange import Exchange
from mms_server.metrics import lines
from mms_server.metrics.lines import Line

_READY_ENDS: Final = 1000
_ENDS: Final = [b" %d\n" % ms for ms in range(_READY_ENDS)]
"""Ready ends of lines, by milliseconds: to write a number costs as much as all of a line else."""


class AccessLog:
    """Told of every answer (`mms_server.http.observer.Observer`); on the path of each request.

        /address:port "METHOD target PROTOCOL" status milliseconds

    from when the request was whole. What was no request is counted, but has nothing to show.
    """

    def __init__(self, access: Line | None, metrics: Line | None, hostname: str) -> None:
        self._access = access
        self._metrics = metrics
        self._counts = {ord(kind[0]): lines.request_count(kind, hostname) for kind in _KINDS}
        self._other = lines.request_count("5XX", hostname)

    def answered(self, exchange: Exchange, status: bytes, duration_s: float) -> None:
        """Write the lines of one answer."""
        request = exchange.request
        if self._access is not None and request is not None:
            ms = int(duration_s * 1000)
            end = _ENDS[ms] if 0 <= ms < _READY_ENDS else b" %d\n" % ms
            line = (b"/", exchange.peer, b' "', request.head.line, b'" ', status, end)
            self._access(b"".join(line))
        if self._metrics is not None:
            self._metrics(self._counts.get(status[0], self._other))


_KINDS = ("2XX", "4XX")  # all others count as 5XX, as in Multi Model Server
