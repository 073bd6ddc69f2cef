"""What is measured of models and workers, line by line into the metric logs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from mms_server.metrics import lines

logger = logging.getLogger("MODEL_LOG")

Line = Callable[[bytes], None]
"""Takes one line, with its end."""

MAX_LINES = 1000
"""Metrics taken of one batch: reading one costs the loop a few microseconds."""


class MetricsLog:
    """Writes metrics of the host and its workers to one log, those of models to another.

    Either may be None: then nobody wants its lines, and none is made. Loop thread only.
    """

    def __init__(self, host: Line | None, models: Line | None, hostname: str) -> None:
        self.host = host
        self.hostname = hostname
        self._models = models
        self._hostname = hostname.encode()

    def batch_done(self, model: bytes, request_ids: Iterable[bytes], busy_us: int) -> None:
        """Report how long a worker was busy with a batch that it answered."""
        if self._models is not None:
            self._models(
                b"PredictionTime.Milliseconds:%a|#ModelName:%s,Level:Model"
                b"|#hostname:%s,requestID:%s,timestamp:%d\n"
                % (
                    round(busy_us * 1e-3, 2),
                    model,
                    self._hostname,
                    b",".join(request_ids),
                    time.time(),
                )
            )

    def model_loaded(self, worker: str, load_s: float) -> None:
        """Report how long a worker took to load its model."""
        if self.host is not None:
            self.host(lines.load_time(worker, int(load_s * 1000), self.hostname, int(time.time())))

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
            line = lines.from_worker(metric.removeprefix(lines.WORKER_PREFIX))
            if line is None:
                logger.warning("%s Not a number, so not a metric: %s", worker, metric[:1000])
            else:
                self._models(line)
