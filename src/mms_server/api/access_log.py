"""One line for each answer, and one that counts it, as Multi Model Server writes them."""

from __future__ import annotations

from mms_server.http.exchange import Exchange
from mms_server.metrics import lines
from mms_server.metrics.lines import Line


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
            self._access(
                b'/%s "%s %s HTTP/1.%d" %s %d\n'
                % (
                    exchange.peer,
                    request.head.method,
                    request.head.target,
                    not request.head.is_http10,
                    status,
                    duration_s * 1000,
                )
            )
        if self._metrics is not None:
            self._metrics(self._counts.get(status[0], self._other))


_KINDS = ("2XX", "4XX")  # all others count as 5XX, as in Multi Model Server
