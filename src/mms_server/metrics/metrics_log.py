"""What is measured of models and workers, line by line into the metric logs."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from mms.metrics.metric import LINE_PREFIX
from mms_server.metrics import lines
from mms_server.metrics.lines import Line

logger = logging.getLogger("MODEL_LOG")

MAX_LINES = 1000
"""Metrics taken of one batch: reading one costs the loop a few microseconds."""


def _prediction_time(hundredths: int) -> bytes:
    """Write hundredths of a millisecond as Multi Model Server does: `0.0`, `1.25`."""
    return b"PredictionTime.Milliseconds:%a" % (hundredths / 100)


_READY_TIMES: Final = 2000
_TIMES: Final = [_prediction_time(hundredths) for hundredths in range(_READY_TIMES)]
"""Ready beginnings of the lines of quick models: to write a number costs as much as all else."""


class MetricsLog:
    """Writes metrics of the host and its workers to one log, those of models to another.

    Either may be None: then nobody wants its lines, and none is made. Loop thread only.
    """

    def __init__(self, host: Line | None, models: Line | None, hostname: str) -> None:
        self._host = host
        self._models = models
        self._hostname = hostname
        # What one line after another has in common.
        self._model = self._about = self._end = b""
        self._now = -1

    def batch_done(self, model: bytes, request_ids: Sequence[bytes], busy_us: int) -> None:
        """Report how long a worker was busy with a batch that it answered."""
        if self._models is None:
            return
        hundredths = (busy_us + 5) // 10
        ready = hundredths < _READY_TIMES
        spent = _TIMES[hundredths] if ready else _prediction_time(hundredths)
        if model is not self._model:
            self._model = model
            self._about = b"|#ModelName:%s,Level:Model|#hostname:%s,requestID:" % (
                model,
                self._hostname.encode(),
            )
        now = int(time.time())
        if now != self._now:
            self._now = now
            self._end = b",timestamp:%d\n" % now
        ids = request_ids[0] if len(request_ids) == 1 else b",".join(request_ids)
        self._models(b"".join((spent, self._about, ids, self._end)))

    def model_loaded(self, worker: str, load_s: float) -> None:
        """Report how long a worker took to load its model."""
        if self._host is not None:
            load_ms, now = int(load_s * 1000), int(time.time())
            self._host(lines.load_time(worker, load_ms, self._hostname, now))

    def from_worker(self, worker: str, text: str) -> None:
        """Take the metrics that a handler added, one a line.

        Text that is no metric - the value of an error may be any - is kept in the model's log.
        """
        if self._models is None:
            return
        *metrics, rest = text.split("\n", MAX_LINES)
        if len(metrics) < MAX_LINES:
            metrics.append(rest)
        else:
            logger.warning("%s More than %d metrics at once: the rest is lost", worker, MAX_LINES)
        for metric in metrics:
            line = lines.from_worker(metric.removeprefix(LINE_PREFIX))
            if line is None:
                logger.warning("%s Not a number, so not a metric: %s", worker, metric[:1000])
            else:
                self._models(line)
