"""What is measured of models and workers, line by line into the metric logs."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from mms.metrics.metric import LINE_PREFIX
from mms_server.metrics import lines
from mms_server.metrics.lines import Line

logger = logging.getLogger("MODEL_LOG")

MAX_LINES = 1000
"""Metrics taken of one batch: reading one costs the loop a few microseconds."""


class MetricsLog:
    """Writes metrics of the host and its workers to one log, those of models to another.

    Either may be None: then nobody wants its lines, and none is made. Loop thread only.
    """

    def __init__(self, host: Line | None, models: Line | None, hostname: str) -> None:
        self._host = host
        self._models = models
        self._hostname = hostname
        self._hostname_bytes = hostname.encode()

    def batch_done(self, model: bytes, request_ids: Iterable[bytes], busy_us: int) -> None:
        """Report how long a worker was busy with a batch that it answered."""
        if self._models is not None:
            self._models(
                b"PredictionTime.Milliseconds:%a|#ModelName:%s,Level:Model"
                b"|#hostname:%s,requestID:%s,timestamp:%d\n"
                % (
                    round(busy_us * 1e-3, 2),
                    model,
                    self._hostname_bytes,
                    b",".join(request_ids),
                    time.time(),
                )
            )

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
