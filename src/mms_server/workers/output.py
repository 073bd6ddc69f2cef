"""What workers print, into the log: each line with the name of who printed it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import IO

from mms.metrics.metric import LINE_PREFIX

MAX_LINE_BYTES = 16 * 1024
_RATE_BYTES_PER_S = 1024 * 1024
_BURST_BYTES = 4 * 1024 * 1024
_TAIL_LINES = 20
_METRIC_PREFIX = LINE_PREFIX.encode()
"""Handlers may print it, too."""

logger = logging.getLogger("MODEL_LOG")


class OutputReader(asyncio.Protocol):
    """Reads one pipe of a worker; a line names its worker and model in the log.

    A worker that prints without measure is cut off for the rest of the second and the lines
    lost are counted in the log: it must neither fill the disk nor hold up the loop. Reading never
    stops, so printing never blocks the worker. Lines that begin with `[METRICS]` go to
    `on_metric` instead of the log, if that is given.
    """

    def __init__(
        self, label: str, level: int, on_metric: Callable[[str], None] | None = None
    ) -> None:
        self._label = label
        self._level = level
        self._on_metric = on_metric
        self._partial = b""
        self._budget_bytes = _BURST_BYTES
        self._refilled_at = time.monotonic()
        self._dropped_lines = 0
        self._transport: asyncio.ReadTransport | None = None
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls,
        pipe: IO[bytes],
        label: str,
        level: int,
        on_metric: Callable[[str], None] | None = None,
    ) -> OutputReader:
        """Take over the read end of a pipe."""
        loop = asyncio.get_running_loop()
        transport, reader = await loop.connect_read_pipe(lambda: cls(label, level, on_metric), pipe)
        reader._transport = transport
        return reader

    async def close(self, grace_s: float) -> None:
        """Read to the end, or for a while: what the worker left behind may hold the pipe open."""
        await asyncio.wait((self.ended,), timeout=grace_s)
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Log the lines that are whole, as one record: a record a line would hold up the loop."""
        self._refill()
        if len(data) > self._budget_bytes:
            self._dropped_lines += data.count(b"\n")
            self._partial = b""
            return
        self._budget_bytes -= len(data)
        whole, end, self._partial = (self._partial + data).rpartition(b"\n")
        if end:
            self._log(whole.split(b"\n"))
        if len(self._partial) > MAX_LINE_BYTES:
            self._log([self._partial])
            self._partial = b""

    def connection_lost(self, exc: Exception | None) -> None:
        """Log what has no line end."""
        if self._partial:
            self._log([self._partial])
        self._report_dropped()
        if not self.ended.done():
            self.ended.set_result(None)

    def _refill(self) -> None:
        now = time.monotonic()
        gained = int((now - self._refilled_at) * _RATE_BYTES_PER_S)
        if gained > 0:
            self._budget_bytes = min(_BURST_BYTES, self._budget_bytes + gained)
            self._refilled_at = now
        if self._budget_bytes > _BURST_BYTES // 4:
            self._report_dropped()

    def _report_dropped(self) -> None:
        if self._dropped_lines:
            logger.warning(
                "%s printed too fast: %d lines were dropped", self._label, self._dropped_lines
            )
            self._dropped_lines = 0

    def _log(self, lines: list[bytes]) -> None:
        if self._on_metric is not None:
            lines = self._without_metrics(lines, self._on_metric)
        if not lines:
            return
        if max(map(len, lines)) > MAX_LINE_BYTES:
            lines = list(map(_cut, lines))
        text = b"\n".join(lines).decode("utf-8", "replace").replace("\r\n", "\n").rstrip("\r")
        self.tail.extend(text.rsplit("\n", _TAIL_LINES)[-_TAIL_LINES:])
        label = f"{self._label} "
        logger.log(self._level, "%s", label + text.replace("\n", f"\n{label}"))

    def _without_metrics(self, lines: list[bytes], on_metric: Callable[[str], None]) -> list[bytes]:
        for line in lines:
            if line.startswith(_METRIC_PREFIX):
                on_metric(line[:MAX_LINE_BYTES].decode("utf-8", "replace"))
        return [line for line in lines if not line.startswith(_METRIC_PREFIX)]


def _cut(line: bytes) -> bytes:
    lost_bytes = len(line) - MAX_LINE_BYTES
    return line if lost_bytes <= 0 else line[:MAX_LINE_BYTES] + b" [... %d bytes cut]" % lost_bytes
