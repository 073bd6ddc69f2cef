"""Reports: the figures, and warnings where they are not the server's alone."""

from __future__ import annotations

from mms_server.load import Phase, Plan, Schedule, Tally, make_target
from mms_server.load.pool import Connections
from mms_server.load.report import render, warnings
from mms_server.load.tally import Kind, Result

PHASE = Phase(100, 10)
PLAN = Plan(make_target("http://127.0.0.1:8080/x"), Schedule((PHASE,)), 4)
RESULT = Result([], Connections(4, at_start=4, opened=5, lost=1), is_interrupted=False)


def tally() -> Tally:
    made = Tally(PHASE, elapsed_s=10.0, sent=1_000, good_in_time=880, advised=100, cpu_s=1.0)
    made.statuses.update({200: 890, 503: 100})
    made.errors.update({"timeout": 10})
    for _ in range(890):
        made.latency[Kind.GOOD].add(0.002)
    for _ in range(100):
        made.latency[Kind.REFUSED].add(0.001)
    made.lateness.add(0.0005)
    return made


def test_figures_stand_in_columns() -> None:
    lines = render(PLAN, RESULT, tally()).splitlines()
    rows = [line.split() for line in lines]
    assert "GET http://127.0.0.1:8080/x" in lines
    assert ["sent", "1,000"] in rows
    assert ["200", "890", "89.00%"] in rows
    assert ["503", "100", "10.00%"] in rows
    assert ["timeout", "10", "1.00%"] in rows
    assert "100 of 100 refusals say when to come back (Retry-After)" in lines
    assert "goodput 88.0 requests/s answered 2xx" in lines
    assert ["2xx", *["2.00"] * 5] in rows
    assert ["refused", "(429,", "503)", *["1.00"] * 5] in rows
    assert not any(line.startswith("other") for line in lines), "there was none"
    assert "connections: 4 opened at 1,000 a second, 1 later; 1 lost" in lines
    assert "WARNING" not in "\n".join(lines)


def test_a_late_or_busy_generator_is_a_warning() -> None:
    late, busy = tally(), tally()
    late.lateness.add(0.5)
    busy.cpu_s = 9.5
    for made in (late, busy):
        (text,) = warnings(RESULT, made)
        assert "the generator itself" in text


def test_waiting_for_a_connection_is_a_warning() -> None:
    made = tally()
    made.waited = 7
    (text,) = warnings(RESULT, made)
    assert text.startswith("7 requests found no connection free")


def test_missing_connections_are_a_warning() -> None:
    few = Result([], Connections(4, at_start=3), is_interrupted=False)
    assert list(warnings(few, tally())) == ["of 4 connections 3 were open at the start."]


def test_nothing_sent_is_shown_too() -> None:
    assert "sent" in render(PLAN, RESULT, Tally(PHASE))
