"""The curve by offered load: its table, and that it can be drawn."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import charts
from benchmarks.overload import curve
from benchmarks.overload.curve import Point
from support.tallies import tally

POINTS = [
    Point("ours", 300, tally(good=900, refused=2_100)),
    Point("ours", 50, tally(good=500)),
    Point("mms", 50, tally(good=490)),
]


def test_a_row_has_a_cell_for_each_title() -> None:
    assert POINTS[0].row() == ["300", "ours", "90.0", "100", "100", "70.0"]
    assert len(curve.TITLES) == 6


def test_the_document_is_a_curve_that_charts_draws(tmp_path: Path) -> None:
    document = json.loads(json.dumps({"curves": [curve.to_document(POINTS)]}))
    ours, mms = charts.lines(document["curves"][0])
    assert (ours.x, ours.served_per_s, mms.served_per_s) == ([50, 300], [50.0, 90.0], [49.0])
    assert charts.draw(document, tmp_path) == [tmp_path / "curve-overload.svg"]
