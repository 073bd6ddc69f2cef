"""The host's processors, memory and disk, measured again and again."""

from __future__ import annotations

import asyncio
import logging

from mms.metrics.system_metrics import collect_all
from mms_server.metrics import lines
from mms_server.metrics.lines import Line

logger = logging.getLogger("mms_server.metrics")


async def report_host(write: Line, interval_s: float) -> None:
    """Write the metrics of this host now and after each interval, until cancelled.

    They are measured on another thread: that takes a tenth of a second, and longer when a disk
    does not answer.
    """
    while True:
        try:
            measured = await asyncio.to_thread(collect_all)
        except (OSError, ValueError, KeyError) as exc:
            logger.warning("The host's metrics cannot be measured: %s", exc)
            return
        for metric in measured:
            line = lines.from_worker(str(metric))
            assert line is not None  # they are numbers
            write(line)
        await asyncio.sleep(interval_s)
