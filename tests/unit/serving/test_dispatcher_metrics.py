from __future__ import annotations

import asyncio
import re
from pathlib import Path

from mms_server.metrics.metrics_log import MetricsLog
from mms_server.serving.policy import Policy
from support.workshop import open_workshop, until

SERVICE = """
def handle(data, context):
    if data is None:
        return None
    context.metrics.add_counter("Seen", len(data))
    if data[0]["body"] == b"fail":
        raise ValueError("as asked")
    return ["x"] * len(data)
"""


async def test_what_a_worker_does_is_measured(tmp_path: Path) -> None:
    host: list[bytes] = []
    models: list[bytes] = []
    metrics = MetricsLog(host.append, models.append, "h")
    async with open_workshop(tmp_path) as workshop:
        served = workshop.serve(
            SERVICE, Policy(batch_size=2, max_batch_delay_s=60.0), metrics=metrics
        )
        served.pool.set_target(1, 1)
        await asyncio.gather(served.submit(), served.submit())
        await until(lambda: len(models) == 2, "the metrics of a batch")
        await asyncio.gather(served.submit(b"fail"), served.submit(), return_exceptions=True)
        await until(lambda: len(models) == 3, "the metrics of a batch that failed")
    assert len(host) == 1, "one load"
    assert re.fullmatch(rb"W-\d+-m0\.ms:\d+\|#Level:Host\|#hostname:h,timestamp:\d+\n", host[0])
    assert re.fullmatch(
        rb"PredictionTime\.Milliseconds:[\d.]+\|#ModelName:m0,Level:Model"
        rb"\|#hostname:h,requestID:id,id,timestamp:\d+\n",
        models[0],
    )
    for line in models[1:]:
        assert line.startswith(b"Seen.Count:2|#ModelName:m0,Level:Model|#hostname:")
