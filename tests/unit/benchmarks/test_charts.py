"""Charts: what is drawn, and that it can be read on light and on dark paper."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import charts, drawing
from benchmarks.charts import Document
from benchmarks.curves import Curve, Curves, Point
from benchmarks.report import Report
from benchmarks.rounds import Plan
from support.loads import HERE, load, sample


@pytest.fixture
def overhead() -> Document:
    samples = [
        sample("mms", 100, load(requests=300)),
        sample("ours", 100, load(requests=3000)),
        sample("ours", 100, load(requests=5000), in_round=2),
        sample("ours", 100, load(requests=4000), in_round=3),
        sample("ours", 1, load(requests=7)),
        sample("mms", 1, load(requests=6)),
    ]
    document: Document = json.loads(Report(HERE, {}, Plan(connections=(1, 100)), samples).to_json())
    return document


@pytest.fixture
def curves() -> Document:
    curve = Curve("body-size", "By size of the body", "bytes", has_zero=True)
    curve.points = [
        Point("ours", 1000, load(requests=50)),
        Point("ours", 0, load(requests=100)),
        Point("mms", 0, load(requests=80)),
    ]
    empty = Curve("models", "By models", "models", has_zero=False)
    document: Document = json.loads(Curves(HERE, {}, 1, [curve, empty]).to_json())
    return document


def rate(measurement: Document) -> float:
    return float(measurement["load"]["requests"])


def test_a_mark_is_the_median_of_its_rounds(overhead: Document) -> None:
    mms, ours = charts.marks(overhead, 100, rate)
    assert dataclasses.astuple(ours) == ("ours", 4000, 3000, 5000)
    assert dataclasses.astuple(mms) == ("mms", 300, 300, 300)


def test_a_line_is_in_order_of_what_is_varied(curves: Document) -> None:
    ours, mms = charts.lines(curves["curves"][0])
    assert (ours.server, ours.x, ours.served_per_s) == ("ours", [0, 1000], [100, 50])
    assert (mms.server, mms.p99_ms) == ("mms", [3.0])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1, "0.1"), (10, "10"), (1000, "1k"), (1e8, "100M"), (2e9, "2G")],
)
def test_numbers_of_a_scale_are_short(value: float, text: str) -> None:
    assert charts.short(value) == text


def test_charts_say_what_is_compared(overhead: Document, tmp_path: Path) -> None:
    paths = charts.draw(overhead, tmp_path)
    assert len(paths) == 3
    for path in paths:
        texts = {node.text for node in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")}
        assert {"ours", "mms"} <= texts
        assert any("no-op prediction" in (text or "").lower() for text in texts)


def test_a_curve_without_points_is_not_drawn(curves: Document, tmp_path: Path) -> None:
    assert charts.draw(curves, tmp_path) == [tmp_path / "curve-body-size.svg"]


def test_every_colour_has_a_dark_one(overhead: Document, curves: Document, tmp_path: Path) -> None:
    for path in charts.draw(overhead, tmp_path) + charts.draw(curves, tmp_path):
        head, _, drawn = path.read_text().partition("</style>")
        used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", drawn))
        assert {drawing.INK, drawing.PAPER, drawing.OURS} <= used <= drawing.DARK.keys()
        assert "prefers-color-scheme: dark" in head


def test_the_same_figures_give_the_same_bytes(overhead: Document, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in charts.draw(overhead, tmp_path / "a")]
    assert first == [path.read_bytes() for path in charts.draw(overhead, tmp_path / "b")]


def test_documented_charts_are_not_drawn_by_hand() -> None:
    folder = Path(__file__).parents[3] / "docs" / "charts"
    for path in folder.glob("*.svg"):
        assert "prefers-color-scheme: dark" in path.read_text()
