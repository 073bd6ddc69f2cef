from __future__ import annotations

import re

import pytest

from mms.metrics.dimension import Dimension
from mms.metrics.metric import Metric
from mms_server.metrics import lines


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "Seen.Count:2|#ModelName:m,Level:Model|#hostname:h,12,id-1",
            "Seen.Count:2|#ModelName:m,Level:Model|#hostname:h,requestID:id-1,timestamp:12",
        ),
        (
            "Seen.Count:2|#Level:Model|#hostname:h,12,id-1,id-2",
            "Seen.Count:2|#Level:Model|#hostname:h,requestID:id-1,id-2,timestamp:12",
        ),
        (
            "CPUUtilization.Percent:0.0|#Level:Host|#hostname:h,12",
            "CPUUtilization.Percent:0.0|#Level:Host|#hostname:h,timestamp:12",
        ),
        ("E.:-1e-07|#a:b|#hostname:h,12", "E.unit:-1e-07|#a:b|#hostname:h,timestamp:12"),
        (
            " big-one.x.Bytes:1e+16|#|#hostname:h,12\r",
            "big-one.x.Bytes:1e+16|#|#hostname:h,timestamp:12",
        ),
        (
            "A.ms:1|#url:http://x,b:c,d|#hostname:h,12",
            "A.ms:1|#b:c|#hostname:h,timestamp:12",
        ),
        (
            "A.ms:1|#a:,:b,c:d:,:|#hostname:h,12",
            "A.ms:1|#:b,c:d|#hostname:h,timestamp:12",
        ),
    ],
)
def test_lines_of_workers_become_those_of_the_log(text: str, line: str) -> None:
    assert lines.from_worker(text) == f"{line}\n".encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "Reason.:disk full|#Level:Error|#hostname:h,12",
        "A.Count:nan|#|#hostname:h,12",
        "A.Count:1|#|#hostname:h",
        "A.Count:1",
        "Count:1|#|#hostname:h,12",
        "A.Count:1|#|#hostname:h,12\nB.Count:1|#|#hostname:h,12",
    ],
)
def test_what_is_no_metric_is_told_apart(text: str) -> None:
    assert lines.from_worker(text) is None


@pytest.mark.parametrize("unit", ["ms", "percent", "kB", "frames", None, ""])
@pytest.mark.parametrize("request_id", [None, "id-1"])
def test_every_metric_of_the_api_can_be_read(unit: str | None, request_id: str | None) -> None:
    metric = Metric("A metric", 0.1, unit, [Dimension("Level", "Model")], request_id)
    line = lines.from_worker(str(metric))
    assert line is not None
    assert re.fullmatch(
        rb"A metric\.\w+:0\.1\|#Level:Model\|#hostname:[^,]+(,requestID:id-1)?,timestamp:\d+\n",
        line,
    )


def test_requests_are_counted_without_a_time() -> None:
    line = lines.request_count("4XX", "h")
    assert line == b"Requests4XX.Count:1|#Level:Host|#hostname:h,timestamp:null\n"


def test_loads_are_named_after_their_worker() -> None:
    line = lines.load_time("W-9000-noop", 176, "vm", 1795624773)
    assert line == b"W-9000-noop.ms:176|#Level:Host|#hostname:vm,timestamp:1795624773\n"


def test_a_name_stays_on_its_line() -> None:
    assert lines.encode_name("a\r\nb\nc \ud800\u00e9") == b"a b c ?\xc3\xa9"
    assert lines.load_time("W-9000-a\nb", 1, "h", 2).count(b"\n") == 1
