"""The report: what it says of rounds, ratios, failures and what was left out."""

from __future__ import annotations

import json

import pytest

from benchmarks.report import Report
from benchmarks.rounds import Plan
from support.loads import HERE, load, sample

SAMPLES = [
    sample("ours", 1, load(p50_ms=0.3)),
    sample("mms", 1, load(requests=500, broken=1)),
    sample("ours", 1, load(requests=3000, p50_ms=0.2), in_round=2),
    sample("mms", 1, load(requests=500), in_round=2),
    sample("ours", 1, load(requests=2000, p50_ms=0.25), in_round=3),
    sample("mms", 1, load(requests=500), in_round=3),
    sample("two-hop", 1, load(p50_ms=0.15)),
    sample("bare", 1, load(p50_ms=0.05)),
]


@pytest.fixture
def report() -> Report:
    return Report(HERE, {"ours": "1.0", "mms": "1.1.11"}, Plan(), SAMPLES, {"triton": "too\n old"})


def row(report: Report, *cells: str) -> list[str]:
    start = "| " + " | ".join(cells)
    lines = report.to_markdown().splitlines()
    compact = [" ".join(line.split()) for line in lines]
    (found,) = [line for line in compact if line.startswith(start)]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_medians_with_their_extremes(report: Report) -> None:
    assert row(report, "1", "ours |")[2:5] == ["2,000 (1,000-3,000)", "0.25 (0.20-0.30)", "0.50"]


def test_one_failure_in_one_round_shows(report: Report) -> None:
    assert row(report, "1", "ours |")[-1] == "100"
    assert row(report, "1", "mms |")[-1] == "99.80"


def test_ours_is_compared_with_each_and_the_others_with_nobody(report: Report) -> None:
    assert row(report, "1", "ours / mms")[2] == "4.00"
    assert "mms / " not in report.to_markdown()


def test_what_was_left_out_is_said(report: Report) -> None:
    assert "- triton SKIPPED: too old" in report.to_markdown().splitlines()


def test_the_settings_of_a_peer_are_said_where_it_was_measured(report: Report) -> None:
    assert "job_queue_size=1000" in report.to_markdown()
    alone = Report(HERE, {"ours": "1.0"}, Plan(), SAMPLES[:1])
    assert "job_queue_size=1000" not in alone.to_markdown()


def test_one_round_has_no_spread() -> None:
    assert row(Report(HERE, {}, Plan(), SAMPLES[:1]), "1", "ours")[2] == "1,000"


def test_the_median_at_one_connection_is_parted(report: Report) -> None:
    assert row(report, "us")[1:] == ["50.0", "100.0", "100.0", "250.0"]


def test_json_holds_every_round(report: Report) -> None:
    document = json.loads(report.to_json())
    assert document["machine"]["commit"] == "abc"
    assert document["versions"]["mms"] == "1.1.11"
    assert [entry["round"] for entry in document["samples"][:6]] == [1, 1, 2, 2, 3, 3]
    assert document["samples"][0]["measurement"]["load"]["p999_ms"] == 1.2
    assert document["skipped"] == {"triton": "too\n old"}
