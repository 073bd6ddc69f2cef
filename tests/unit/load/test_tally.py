"""Books: what they say of themselves."""

from __future__ import annotations

import json

import pytest

from mms_server.load.pool import Connections
from mms_server.load.schedule import Phase
from mms_server.load.tally import Kind, Result, Tally, kind_of


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Kind.GOOD),
        (299, Kind.GOOD),
        (304, Kind.OTHER),
        (404, Kind.OTHER),
        (429, Kind.REFUSED),
        (500, Kind.OTHER),
        (503, Kind.REFUSED),
    ],
)
def test_a_refusal_is_what_may_be_tried_again(status: int, kind: Kind) -> None:
    assert kind_of(status) is kind


def test_rates_are_of_the_time_that_there_was() -> None:
    tally = Tally(Phase(100, 10), elapsed_s=5, good_in_time=200, cpu_s=1)
    assert (tally.goodput_per_s, tally.busy) == (40, 0.2)
    assert (Tally(Phase(1, 1)).goodput_per_s, Tally(Phase(1, 1)).busy) == (0, 0)


def test_the_document_is_json_with_everything_in_it() -> None:
    tally = Tally(Phase(100, 10), elapsed_s=10, sent=3)
    tally.statuses.update([200, 503])
    tally.errors["reset"] += 1
    tally.latency[Kind.GOOD].add(0.002)
    result = Result([tally], Connections(4, at_start=4, opened=5, lost=1), is_interrupted=True)
    document = json.loads(json.dumps(result.to_document()))
    (phase,) = document["phases"]
    assert phase["statuses"] == {"200": 1, "503": 1}
    assert phase["errors"] == {"reset": 1}
    assert phase["latency"]["good"]["count"] == 1
    assert phase["latency"]["good"]["p99.9_ms"] == pytest.approx(2.0)
    assert phase["latency"]["refused"]["count"] == 0
    assert document["connections"] == {"wanted": 4, "at_start": 4, "opened": 5, "lost": 1}
    assert document["is_interrupted"]
