"""One metric and its line."""

from __future__ import annotations

import re
import socket

import pytest

from mms.metrics.dimension import Dimension
from mms.metrics.metric import COUNTER, LINE_PREFIX, Metric
from mms.metrics.unit import Units

LEVEL = Dimension("Level", "Model")
HOST = re.escape(socket.gethostname())


def test_line_of_a_request() -> None:
    line = f"{LINE_PREFIX}{Metric('Time', 1.5, 'ms', [Dimension('Net', 'a'), LEVEL], 'r-1')}"
    expected = rf"\[METRICS\]Time\.Milliseconds:1\.5\|#Net:a,Level:Model\|#hostname:{HOST},\d+,r-1"
    assert re.fullmatch(expected, line)


def test_line_without_request() -> None:
    expected = rf"Used\.Megabytes:7\|#Level:Model\|#hostname:{HOST},\d{{10}}"
    assert re.fullmatch(expected, str(Metric("Used", 7, "MB", [LEVEL])))


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("ms", "Milliseconds"),
        ("s", "Seconds"),
        ("percent", "Percent"),
        ("count", "Count"),
        ("MB", "Megabytes"),
        ("GB", "Gigabytes"),
        ("kB", "Kilobytes"),
        ("B", "Bytes"),
        (None, "unit"),
        ("", ""),
        ("Frames", "Frames"),
    ],
)
def test_units(short: str | None, long: str) -> None:
    assert Metric("x", 1, short, []).unit == long
    assert Units().units.get(short, short) == long


def test_counter_adds_up_and_others_are_replaced() -> None:
    counter = Metric("x", 1, "count", [], metric_method=COUNTER)
    gauge = Metric("x", 1, "count", [])
    counter.update(2)
    gauge.update(2)
    assert (counter.value, gauge.value) == (3, 2)


def test_as_dict() -> None:
    fields = Metric("x", 1, "s", [LEVEL], "r").to_dict()
    assert isinstance(fields.pop("Timestamp"), int)
    assert fields == {
        "MetricName": "x",
        "Value": 1,
        "Unit": "Seconds",
        "Dimensions": [LEVEL],
        "HostName": socket.gethostname(),
        "RequestId": "r",
    }
