"""This server's commands beside what was recorded of Multi Model Server 1.1.11's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from parity import recording
from parity.answer import Answer
from parity.cases import SCENARIOS
from parity.comparison import explain, judge
from parity.scenario import Observation, Scenario, observe

RECORDED = {(area, name): seen for area in SCENARIOS for name, seen in recording.read(area).items()}
ALL = [(area, scenario) for area, scenarios in SCENARIOS.items() for scenario in scenarios]


@pytest.mark.parametrize(("area", "scenario"), ALL, ids=[f"{area}/{each.id}" for area, each in ALL])
def test_commands_do_as_those_of_mms(area: str, scenario: Scenario, tmp_path: Path) -> None:
    assert (area, scenario.id) in RECORDED, "not recorded: run make parity-record"
    theirs = RECORDED[area, scenario.id]
    ours = observe(scenario, Path(sys.executable).parent, tmp_path)
    problems = [
        f"observation {place}:\n{problem}"
        for place in range(len(theirs))
        if (problem := _problem(scenario, place, theirs[place], ours[place]))
    ]
    assert not problems, "\n".join(problems)


def _problem(scenario: Scenario, place: int, theirs: Observation, ours: Observation) -> str:
    promised = dict(scenario.ours.get(place, {}))
    departure = scenario.departures.get(place)
    return judge(_explain(theirs, ours), departure, lambda: _explain(promised, ours))


def _explain(theirs: Observation, ours: Observation) -> str:
    if "outcome" in theirs:
        return explain(Answer.of(theirs), Answer.of(ours))
    return "\n".join(
        f"  {name}: {theirs.get(name)}\n  {' ' * len(name)}  {ours.get(name)} (ours)"
        for name in theirs
        if theirs.get(name) != ours.get(name)
    )
