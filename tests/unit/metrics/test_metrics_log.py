from __future__ import annotations

import re

import pytest

from mms_server.metrics.metrics_log import MAX_LINES, MetricsLog


def test_predictions_are_timed_by_the_batch() -> None:
    seen: list[bytes] = []
    MetricsLog(None, seen.append, "h").batch_done(b"m", [b"id-1", b"id-2"], 1_234_567)
    assert re.fullmatch(
        rb"PredictionTime\.Milliseconds:1234\.57\|#ModelName:m,Level:Model"
        rb"\|#hostname:h,requestID:id-1,id-2,timestamp:\d{10}\n",
        seen[0],
    )


def test_loads_go_to_the_log_of_the_host() -> None:
    host: list[bytes] = []
    models: list[bytes] = []
    MetricsLog(host.append, models.append, "h").model_loaded("W-9000-m", 0.1769)
    assert host[0].startswith(b"W-9000-m.ms:176|#Level:Host|#hostname:h,timestamp:")
    assert models == []


def test_a_handlers_metrics_are_taken_and_its_texts_kept(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[bytes] = []
    text = "[METRICS]A.Count:1|#|#hostname:h,12\n[METRICS]E.:no idea|#|#hostname:h,12"
    MetricsLog(None, seen.append, "h").from_worker("W-9000-m", text)
    assert seen == [b"A.Count:1|#|#hostname:h,timestamp:12\n"]
    assert [(r.name, r.getMessage()) for r in caplog.records] == [
        (
            "MODEL_LOG",
            "W-9000-m Not a number, so not a metric: [METRICS]E.:no idea|#|#hostname:h,12",
        )
    ]


@pytest.mark.parametrize(("count", "is_cut"), [(MAX_LINES, False), (MAX_LINES + 1, True)])
def test_metrics_without_measure_are_cut(
    count: int, is_cut: bool, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[bytes] = []
    text = "\n".join(["[METRICS]A.Count:1|#|#hostname:h,12"] * count)
    MetricsLog(None, seen.append, "h").from_worker("W-9000-m", text)
    assert len(seen) == MAX_LINES
    assert bool(caplog.records) is is_cut


def test_what_nobody_wants_is_not_made(caplog: pytest.LogCaptureFixture) -> None:
    log = MetricsLog(None, None, "h")
    log.batch_done(b"m", [b"id"], 1)
    log.model_loaded("W-9000-m", 1.0)
    log.from_worker("W-9000-m", "garbage")
    assert caplog.records == []
